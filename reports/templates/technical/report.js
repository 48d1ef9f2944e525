"use strict";
// The page is whole without this: it adds a search, and opens what a link or the printer asks for.
(() => {
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const query = document.getElementById("query");
  const found = document.getElementById("found");
  const everything = document.getElementById("s-all");
  const searchable = (element) => ({ element, text: element.textContent.toLowerCase() });
  let entries = null;

  function index() {
    entries = all(".fi, .ur, .pr-row").map((element) => ({
      ...searchable(element),
      places: all(".oc", element).map(searchable),
    }));
  }

  function search() {
    if (!entries) index();
    const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
    const hit = (one) => words.every((word) => one.text.includes(word));
    const show = (one, shown) => one.element.classList.toggle("miss", !shown);
    let count = 0;
    for (const entry of entries) {
      const shown = hit(entry);
      show(entry, shown);
      count += shown;
      const some = entry.places.some(hit);
      for (const place of entry.places) show(place, !some || hit(place));
    }
    for (const group of all(".grp, .fold")) {
      group.classList.toggle("miss", words.length > 0 && !group.querySelector(":is(.fi, .ur, .pr-row):not(.miss)"));
    }
    found.textContent = words.length ? found.dataset.words.replace("{count}", count).replace("{all}", entries.length) : "";
  }

  function reveal() {
    const target = document.getElementById(location.hash.slice(1));
    if (!target) return;
    if (target instanceof HTMLDetailsElement) target.open = true;
    if (target.getClientRects().length) return;
    if (everything) everything.checked = true;
    if (query && query.value) {
      query.value = "";
      search();
    }
    target.scrollIntoView();
  }

  if (query) {
    document.getElementById("search").hidden = false;
    query.addEventListener("input", search);
  }
  addEventListener("hashchange", reveal);
  addEventListener("beforeprint", () => all("details").forEach((one) => { one.open = true; }));
  reveal();
})();
