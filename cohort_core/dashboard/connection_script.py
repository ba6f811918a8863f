"""A script that says that the connection is gone, or leads to the login.

Without it a page whose WebSocket a proxy drops shows grey bars for ever, and one whose server was stopped
asks whether its reader is connected to the internet. With accounts, a page whose session has ended goes to
the login at once, so that nobody else reads what it shows.
"""

CONNECTION_SCRIPT = """
(() => {
  const never = "The page does not arrive. Something between this browser and Cohort Tracker stops its " +
    "live connection, such as a proxy, a security program or an extension of the browser. Open the " +
    "dashboard on the computer on which Cohort Tracker runs, or ask whoever looks after the network to " +
    "let WebSockets through.";
  const gone = "Cohort Tracker does not answer any more. It was stopped, or its computer is asleep. " +
    "Start it again; this page then continues.";
  let leaving = false, timer;
  const hide = () => {
    clearTimeout(timer);
    document.documentElement.classList.remove("ct-away");
    const box = document.getElementById("ct-away");
    if (box) box.remove();
  };
  const show = text => {
    if (leaving || !document.body) return;
    hide();
    document.documentElement.classList.add("ct-away");
    const box = document.createElement("div");
    box.id = "ct-away";
    box.setAttribute("role", "alert");
    box.textContent = text;
    document.body.append(box);
  };
  const wait = (text, seconds) => {
    clearTimeout(timer);
    timer = setTimeout(show, seconds * 1000, text);
  };
  const signIn = () => {
    if (leaving) return;
    leaving = true;
    document.documentElement.hidden = true;
    location.replace("/login?next=" + encodeURIComponent(location.pathname + location.search));
  };
  const base = window.__streamlit.BACKEND_BASE_URL;
  // A refused connection says nothing of the reason; the door does.
  const askDoor = () => fetch(base + "_stcore/health", { cache: "no-store" })
    .then(answer => { if (answer.status === 401) signIn(); }, () => {});
  document.addEventListener("click", event => {
    if (!event.target.closest(".ct-sign-out, [class*='st-key-ct-sign-out'] button")) return;
    event.preventDefault();
    leaving = true;
    fetch("/logout", { method: "POST", redirect: "manual" })
      .then(() => location.replace("/login?out=1"), () => location.reload());
  }, true);
  const Socket = window.WebSocket;
  window.WebSocket = class extends Socket {
    constructor(...given) {
      super(...given);
      if (!String(given[0]).includes("_stcore/stream")) return;
      let arrived = false;
      this.addEventListener("message", () => {
        if (!arrived) hide();
        arrived = true;
      });
      this.addEventListener("close", event => {
        if (event.code === 4401) signIn();
        else askDoor();
        if (arrived) wait(gone, 3);
      });
    }
  };
  addEventListener("pagehide", () => { leaving = true; });
  addEventListener("pageshow", event => {
    leaving = false;
    // The browser kept the page as it was; its session may have ended since.
    if (event.persisted) askDoor();
  });
  wait(never, 10);
})();
"""

CONNECTION_STYLE = """
#ct-away { position: fixed; inset: auto 0 0 0; z-index: 1000001; margin: 0; padding: 1rem 1.4rem;
  font: 1rem/1.5 system-ui, sans-serif; background: #5b2a1d; color: #fff; }
.ct-away [data-testid=stDialog], .ct-away [data-testid=stConnectionStatus] { display: none; }
"""
