// Elements that scroll horizontally, and no others, are tab stops, so that the keyboard can scroll them. While more of
// such an element is hidden on the right, it has the attribute data-more.
const WIDE = "mjx-container, div.math, div.output, .pst-scrollable-table-container, pre";

function mark(element) {
  const more = element.scrollWidth - element.clientWidth;
  const scrolls = more > 1 && /auto|scroll/.test(getComputedStyle(element).overflowX);
  if (scrolls) element.tabIndex = 0;
  else element.removeAttribute("tabindex");
  element.toggleAttribute("data-more", scrolls && element.scrollLeft < more - 1);
}

const update = () => document.querySelectorAll(WIDE).forEach(mark);

addEventListener("load", async () => {
  await window.MathJax?.startup?.promise;
  update();
});
addEventListener("resize", update);
addEventListener("toggle", update, { capture: true }); // a cell or a solution that is opened
addEventListener("scroll", ({ target }) => target instanceof Element && target.matches(WIDE) && mark(target), { capture: true });
