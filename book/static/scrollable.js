// Elements that scroll horizontally, and no others, are tab stops, so that the keyboard can scroll them. While more of
// such an element is hidden on the right, it has the attribute data-more.
const WIDE = "mjx-container, div.math, div.output, .pst-scrollable-table-container, pre";

const hidden = (element) => element.scrollWidth - element.clientWidth;
const scrolls = (element) => hidden(element) > 1 && /auto|scroll/.test(getComputedStyle(element).overflowX);
const showMore = (element, wide) =>
  element.toggleAttribute("data-more", wide && element.scrollLeft < hidden(element) - 1);

function update() {
  const elements = [...document.querySelectorAll(WIDE)];
  const formulas = elements.filter((element) => element.tagName === "MJX-CONTAINER");
  for (const formula of formulas) formula.style.overflow = "";
  const wide = new Set(elements.filter(scrolls));
  for (const element of elements) {
    if (wide.has(element)) element.tabIndex = 0;
    else element.removeAttribute("tabindex");
    showMore(element, wide.has(element));
  }
  // a browser takes what may scroll for a tab stop, even where a part of a pixel is all that's hidden
  for (const formula of formulas) if (!wide.has(formula)) formula.style.overflow = "visible";
}

addEventListener("load", async () => {
  await window.MathJax?.startup?.promise;
  await document.fonts.ready; // another font's letters are wider than their formula
  update();
});
addEventListener("resize", update);
addEventListener("toggle", update, { capture: true }); // a cell or a solution that is opened
addEventListener("scroll", ({ target }) => target.matches?.(WIDE) && showMore(target, true), { capture: true });
