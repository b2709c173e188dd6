"use strict";
// Light or dark: as the reader chose on this machine, else as the system has it.
const theme = {
  /** What the reader chose since the page was opened; null: nothing. */
  chosen: null,
  system: matchMedia("(prefers-color-scheme: dark)"),
  kept() {
    try {
      return localStorage.getItem("ablate-theme");
    } catch {
      return null; // some browsers keep nothing for files
    }
  },
  show(name) {
    document.documentElement.dataset.theme = name;
    document.dispatchEvent(new Event("themechange"));
  },
  apply() {
    this.show(this.chosen ?? this.kept() ?? (this.system.matches ? "dark" : "light"));
  },
  get isDark() {
    return document.documentElement.dataset.theme === "dark";
  },
  turn() {
    this.chosen = this.isDark ? "light" : "dark";
    try {
      localStorage.setItem("ablate-theme", this.chosen);
    } catch {
      // then it holds until the page is closed
    }
    this.apply();
  },
};
theme.apply();
theme.system.addEventListener("change", () => theme.apply());
