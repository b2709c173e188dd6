"use strict";
// Tables: a click on a heading sorts, a text filters.
{
  const order = new Intl.Collator(document.documentElement.lang, { numeric: true });
  const isNumber = /^-?[\d.]+(e[-+]?\d+)?$/;

  /** Smaller values first, words by the alphabet, what is empty always last. */
  function compare(one, other, sign) {
    if (one === "" || other === "") return (one === "") - (other === "");
    if (isNumber.test(one) && isNumber.test(other)) return sign * (one - other);
    return sign * order.compare(one, other);
  }

  function sortBy(table, index, heading) {
    const sign =
      heading.getAttribute("aria-sort") === "descending"
        ? 1
        : heading.hasAttribute("aria-sort")
          ? -1
          : firstSign(table, index);
    for (const other of table.tHead.querySelectorAll("[aria-sort]")) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [row.cells[index].dataset.sort ?? "", row]);
    rows.sort(([one], [other]) => compare(one, other, sign));
    body.append(...rows.map(([, row]) => row));
  }

  /** Numbers come largest first, words from A on. */
  function firstSign(table, index) {
    return [...table.tBodies[0].rows].some((row) => isNumber.test(row.cells[index].dataset.sort ?? "")) ? -1 : 1;
  }

  function makeSortable(table) {
    if (table.tBodies[0].rows.length < 2 || !table.tBodies[0].rows[0].cells[0].hasAttribute("data-sort")) return;
    [...table.tHead.rows[0].cells].forEach((heading, index) => {
      if (heading.localName !== "th") return;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...heading.childNodes);
      button.addEventListener("click", () => sortBy(table, index, heading));
      heading.append(button);
    });
  }

  function makeFiltered(input) {
    const rows = [...document.getElementById(input.dataset.filters).tBodies[0].rows];
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const found = input.closest(".filter").querySelector(".found");
    input.closest(".filter").hidden = false;
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let count = 0;
      rows.forEach((row, index) => {
        row.hidden = !words.every((word) => texts[index].includes(word));
        count += !row.hidden;
      });
      found.textContent = words.length ? say("{n} of {all} rows", { n: count, all: rows.length }) : "";
    });
  }

  document.querySelectorAll("table.data").forEach(makeSortable);
  document.querySelectorAll("input[data-filters]").forEach(makeFiltered);
}
