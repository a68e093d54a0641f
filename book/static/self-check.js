// A question whose answer is a number: show whether it is right, and if not, the probable mistake.

import { judge } from "./self-check.model.js";

for (const form of document.querySelectorAll("form[data-check]")) {
  const task = JSON.parse(atob(form.dataset.check));
  const box = form.closest(".mg-check");
  const input = form.querySelector("input");
  const status = form.querySelector("[role=status]");
  const copy = (selector, index) => [...(box.querySelectorAll(selector)[index]?.cloneNode(true).childNodes ?? [])];

  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const { right, mistake, message } = judge(input.value, task);
    const word = document.createElement("b");
    word.textContent = `${message} `;
    const more = right ? copy(".mg-why", 0) : mistake === undefined ? [] : copy(".mg-mistake", mistake);
    status.replaceChildren(word, ...more);
    form.dataset.state = right ? "right" : "wrong";
  });
  input.addEventListener("input", () => {
    delete form.dataset.state;
    status.replaceChildren();
  });
}
