"""A script that shows the dashboard light or dark, as the person arranged it.

Streamlit follows what the device prefers. So the script answers that question in place of the device; when
a page says that the person wants something else, it remembers that and loads the page again.
"""

THEME_SCRIPT = """
(() => {
  const key = "ct-theme";
  let kept = null;
  try { kept = localStorage.getItem(key); } catch { return; }
  if (kept) {
    const ask = window.matchMedia.bind(window);
    window.matchMedia = query => {
      const list = ask(query), wanted = /^\\(prefers-color-scheme: ?(light|dark)\\)$/.exec(query);
      if (!wanted) return list;
      const matches = wanted[1] === kept;
      return new Proxy(list, { get: (_, name) => name === "matches" ? matches
        : typeof list[name] === "function" ? list[name].bind(list) : list[name] });
    };
  }
  setInterval(() => {
    const place = document.querySelector("[data-ct-theme]");
    const wanted = place && place.dataset.ctTheme;
    if (!place || wanted === (kept || "")) return;
    kept = wanted;
    try {
      if (wanted) localStorage.setItem(key, wanted);
      else localStorage.removeItem(key);
      // A browser that keeps nothing would load the page for ever.
      if ((localStorage.getItem(key) || "") === wanted) location.reload();
    } catch { /* It stays as the device wants it. */ }
  }, 500);
})();
"""
