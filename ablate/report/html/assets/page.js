"use strict";
// The page around tables and charts: colours, contents, panels of runs, printing.
{
  const button = document.querySelector("button.theme");
  const name = () => (button.textContent = theme.isDark ? say("Light colours") : say("Dark colours"));
  button.hidden = false;
  button.addEventListener("click", () => theme.turn());
  document.addEventListener("themechange", name);
  name();

  // Where there is no room beside the text, contents are closed.
  const contents = document.querySelector(".contents details");
  const isWide = matchMedia("(min-width: 70rem)");
  const fold = () => (contents.open = isWide.matches);
  isWide.addEventListener("change", fold);
  fold();

  const links = new Map([...document.querySelectorAll(".contents a")].map((link) => [link.hash.slice(1), link]));
  const observer = new IntersectionObserver(
    (seen) => {
      for (const { target, isIntersecting } of seen) {
        if (!isIntersecting) continue;
        for (const link of links.values()) link.removeAttribute("aria-current");
        const link = links.get(target.getAttribute("aria-labelledby"));
        link?.setAttribute("aria-current", "true");
        if (isWide.matches) link?.scrollIntoView({ block: "nearest" });
      }
    },
    { rootMargin: "-15% 0px -75% 0px" },
  );
  document.querySelectorAll("main > section").forEach((section) => observer.observe(section));

  // A link to a variant opens its panel.
  const open = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target instanceof HTMLDetailsElement) {
      target.open = true;
      target.scrollIntoView();
    }
  };
  addEventListener("hashchange", open);
  open();

  const panels = document.querySelectorAll("details.variant");
  const all = document.querySelector(".all-panels");
  all.hidden = false;
  all.addEventListener("click", ({ target }) => {
    if (target.dataset.panels) for (const panel of panels) panel.open = target.dataset.panels === "open";
  });

  // Paper has no folds, and is white: open what is closed, and undo all that afterwards.
  let opened = [];
  addEventListener("beforeprint", () => {
    theme.show("light");
    opened = [...document.querySelectorAll("details:not([open]):not(.chooser)")];
    for (const one of opened) one.open = true;
  });
  addEventListener("afterprint", () => {
    for (const one of opened) one.open = false;
    theme.apply();
  });
}
