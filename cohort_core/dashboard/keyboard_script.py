"""A script with keys for lists and dates, and a focus that stays."""

KEYS = {
    "/": "find a student",
    "j": "next student, in a list and on a student's page",
    "k": "the student before",
    "m": "message",
    "?": "this help",
}
"""The keys with their effect, for the help."""

KEYBOARD_SCRIPT = """
(() => {
  const main = "[data-testid=stMain] [class*='st-key-people-']";
  const lists = `${main}, .st-key-people-found`;
  const portals = "[data-testid=stPopoverBody], [role=menu], .st-key-notice, .st-key-hidden, " +
    "[class*='st-key-more-']";
  const rows = () => [...document.querySelectorAll(`${main} a[href*='student=']`)];
  const rowOf = element => {
    let place = element;
    while (place && place.parentElement && !place.parentElement.matches(lists)) place = place.parentElement;
    return place && place.parentElement ? place : null;
  };
  let kept = -1, grown = -1, timer;  // `kept`: the row that has the focus, or had it until it was drawn anew
  const isLost = () => document.activeElement === document.body || !document.activeElement;
  const place = () => {
    if (isLost()) return kept;
    const row = rowOf(document.activeElement);
    return row ? rows().findIndex(link => row.contains(link)) : -1;
  };
  const enter = element => {
    if (!element) return;
    element.focus({preventScroll: true});
    element.scrollIntoView({block: "nearest"});
  };
  const press = selector => {
    const element = document.querySelector(selector);
    if (element) element.click();
    return Boolean(element);
  };
  const keys = {
    "/": () => {
      const open = document.querySelector("[data-testid=stExpandSidebarButton]");
      const field = () => document.querySelector(".st-key-find input");
      if (open && open.offsetParent) open.click();
      setTimeout(() => enter(field()), open ? 400 : 0);
    },
    "j": () => {
      if (!press(".st-key-next-student a")) enter(rows()[Math.min(place() + 1, rows().length - 1)]);
    },
    "k": () => {
      if (!press(".st-key-previous-student a")) enter(rows()[Math.max(place() - 1, 0)]);
    },
    "m": () => {
      const row = rowOf(document.activeElement) || rowOf(rows()[0]);
      const button = row && row.querySelector("[class*='st-key-message-'] button");
      if (button) button.click();
      else enter(document.querySelector("[data-testid=stMain] [class*='st-key-copy-'] button"));
    },
    "?": () => press(".st-key-keys button"),
  };
  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
    const inField = "input, textarea, select, [contenteditable=true], [role=combobox], " +
      "[data-testid=stDataFrame]";
    if (event.target.closest && event.target.closest(inField)) return;
    event.preventDefault();
    event.stopPropagation();
    keys[event.key]();
  }, true);

  // Streamlit takes a typed day only when the field is left. Enter leaves it, and comes back.
  document.addEventListener("keydown", event => {
    const part = event.key === "Enter" && event.target.closest &&
      event.target.closest("[data-testid=stDateInput] [role=spinbutton]");
    if (!part) return;
    event.preventDefault();
    part.dispatchEvent(new KeyboardEvent("keydown", {key: "Escape", bubbles: true}));
    part.blur();
    setTimeout(() => { if (part.isConnected) part.focus(); }, 100);
  }, true);

  // An action takes its row away, and with it the focus. It then goes to the row that moved up.
  document.addEventListener("focusin", event => {
    if (event.target.closest(main)) kept = place();
    else if (event.target.closest(".st-key-hidden") && kept < 0) kept = 0;
    else if (!event.target.closest(portals)) kept = -1;
  });
  document.addEventListener("pointerdown", event => {
    if (!event.target.closest(`${main}, ${portals}`)) kept = -1;
  }, true);
  document.addEventListener("click", event => {
    if (event.target.closest("[class*='st-key-more-'] button")) grown = rows().length;
  }, true);
  const settle = () => {
    const all = rows();
    if (grown >= 0 && all.length > grown) {
      enter(all[grown]);
      grown = -1;
      return;
    }
    const isOpen = document.querySelector("[data-testid=stPopoverBody], [role=menu]");
    if (kept >= 0 && isLost() && !isOpen && all.length) enter(all[Math.min(kept, all.length - 1)]);
  };
  new MutationObserver(() => {
    clearTimeout(timer);
    timer = setTimeout(settle, 120);
  }).observe(document, {childList: true, subtree: true});
})();
"""
