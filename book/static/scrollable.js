// Make elements that scroll horizontally focusable, so that they can be scrolled with the keyboard.
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
