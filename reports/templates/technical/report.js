"use strict";
(() => {
  const box = document.getElementById("search");
  if (!box) return;
  const query = document.getElementById("query");
  const found = document.getElementById("found");
  const cards = [...document.querySelectorAll(".fi, .ur, .pr-row")].map((element) => ({
    element,
    text: element.textContent.toLowerCase(),
    places: [...element.querySelectorAll(".oc")].map((place) => ({ element: place, text: place.textContent.toLowerCase() })),
  }));
  const groups = [...document.querySelectorAll(".grp, .fold")];

  function search() {
    const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
    const hit = (text) => words.every((word) => text.includes(word));
    let shown = 0;
    for (const card of cards) {
      const visible = hit(card.text);
      card.element.classList.toggle("miss", !visible);
      shown += visible;
      const some = card.places.some((place) => hit(place.text));
      for (const place of card.places) place.element.classList.toggle("miss", some && !hit(place.text));
    }
    for (const group of groups) group.classList.toggle("miss", words.length > 0 && !group.querySelector(".fi:not(.miss), .ur:not(.miss), .pr-row:not(.miss)"));
    found.textContent = words.length ? `${shown} of ${cards.length}` : "";
  }

  box.hidden = false;
  query.addEventListener("input", search);
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
})();
