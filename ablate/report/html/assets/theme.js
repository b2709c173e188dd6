"use strict";
// Light or dark: as the reader chose on this machine, else as the system has it.
const theme = {
  system: matchMedia("(prefers-color-scheme: dark)"),
  kept() {
    try {
      return localStorage.getItem("ablate-theme");
    } catch {
      return null; // some browsers keep nothing for files
    }
  },
  apply(chosen) {
    document.documentElement.dataset.theme = chosen ?? this.kept() ?? (this.system.matches ? "dark" : "light");
    document.dispatchEvent(new Event("themechange"));
  },
  get isDark() {
    return document.documentElement.dataset.theme === "dark";
  },
  turn() {
    const chosen = this.isDark ? "light" : "dark";
    try {
      localStorage.setItem("ablate-theme", chosen);
    } catch {
      // then it holds until the page is closed
    }
    this.apply(chosen);
  },
};
theme.apply();
theme.system.addEventListener("change", () => theme.apply());
