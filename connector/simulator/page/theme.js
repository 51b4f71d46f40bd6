// Light, dark, or as the system has it. Runs before the page is drawn, so that it does not flash.
"use strict";

(() => {
  const KEY = "front-simulator-theme";
  const CHOICES = ["system", "light", "dark"];
  let chosen = "system";
  try {
    chosen = localStorage.getItem(KEY) ?? "system";
  } catch {
    // Without storage the choice lasts as long as the page.
  }
  if (!CHOICES.includes(chosen)) chosen = "system";

  function apply() {
    document.documentElement.dataset.theme = chosen;
  }

  globalThis.theme = {
    get chosen() {
      return chosen;
    },
    next() {
      chosen = CHOICES[(CHOICES.indexOf(chosen) + 1) % CHOICES.length];
      try {
        localStorage.setItem(KEY, chosen);
      } catch {
        // As above.
      }
      apply();
      return chosen;
    },
  };
  apply();
})();
