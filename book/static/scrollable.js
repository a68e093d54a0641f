// Whatever is wider than the page and scrolls by itself can be reached, and so scrolled, by keyboard.
const SCROLLING = ".mg-figure, mjx-container, div.math, div.output, .pst-scrollable-table-container, pre";

function update() {
  for (const element of document.querySelectorAll(SCROLLING)) {
    if (element.scrollWidth > element.clientWidth) element.tabIndex = 0;
    else element.removeAttribute("tabindex");
  }
}

addEventListener("load", async () => {
  await window.MathJax?.startup?.promise;
  update();
});
addEventListener("resize", update);
