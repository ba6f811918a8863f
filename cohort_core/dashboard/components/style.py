"""The few styles that a theme cannot set.

Lines are mixed from the text colour, so that they suit the light and the dark theme. Colours of bands and
states stand in `reports/labels.py`.
"""

PRODUCT = "Cohort Tracker"
ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    '<rect width="32" height="32" rx="7" fill="#1b6a73"/>'
    '<path d="M6 22l6-7 5 4 8-10" fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round" '
    'stroke-linejoin="round"/></svg>'
)

STYLE = """
<style>
.stMainBlockContainer { padding-top: 1.6rem; padding-bottom: 3rem; max-width: 86rem; }
@media (min-width: 641px) { .stMainBlockContainer { padding-left: 2.5rem; padding-right: 2.5rem; } }
.stMainBlockContainer h1 { font-size: 2rem; padding: 0 0 0.35rem; }
.stMainBlockContainer > [data-testid=stVerticalBlock] { gap: 0.7rem; }
/* Sections are second headings, without a gap in the levels, in the size of third ones. */
.stMainBlockContainer h2 { font-size: 1.4rem; padding: 0.3rem 0 0.4rem; }
/* Streamlit's own grey is too pale for many eyes. */
[data-testid=stCaptionContainer], [data-testid=stCaptionContainer] p { color: inherit; }
[data-testid=stCaptionContainer] { opacity: 0.8; }
/* The primary colour of the dark theme is too bright for text on it. */
[data-testid^=stBaseButton-primary]:not(:disabled) { background-color: #1b6a73; border-color: #1b6a73; }
[data-testid^=stBaseButton-primary]:not(:disabled):hover { background-color: #14545b; border-color: #14545b; }
[data-testid=stMultiSelectTagsContainer] > span > span { background-color: #1b6a73; }
.ct-product { font-weight: 600; font-size: 1.1rem; margin-top: -2.2rem; }
[class*='st-key-titled-'] { flex-wrap: nowrap; }
[class*='st-key-titled-'] > div:first-child { min-width: 0; }
/* The menu is a fragment, which would be as wide as the heading. */
[class*='st-key-titled-'] > div:last-child:has(> div > [class*='st-key-download-']) { flex: none;
  width: auto; }
[data-testid='stPopoverButton'] { min-height: 0; opacity: 0.78; font-size: 0.9rem; }
[data-testid='stPopoverButton']:is(:hover, :focus-visible) { opacity: 1; }
[class*='st-key-events-'] > div { padding: 0.25rem 0; flex-wrap: nowrap; }
[class*='st-key-events-'] :is(.ct-ago, .ct-what) { font-size: 0.92rem; }
[class*='st-key-events-'] a { padding: 0; min-height: 0; }
[class*='st-key-events-'] a p { white-space: normal; overflow-wrap: anywhere; }
[class*='st-key-events-'] a[href*='student='] p { font-weight: 600; }
[class*='st-key-people-'] > div { padding: 0.45rem 0;
  border-top: 1px solid color-mix(in srgb, currentColor 14%, transparent); }
[class*='st-key-people-'] > div:first-child { border-top: none; }
[class*='st-key-people-'] a { padding: 0; min-height: 0; }
[class*='st-key-people-'] a p { font-weight: 600; white-space: normal; overflow-wrap: anywhere; }
[class*='st-key-people-'] [data-testid=stHorizontalBlock] { flex-wrap: nowrap; }
/* One student is one line: band, name, reason, last contact, and the message at its end. */
[class*='st-key-people-attention'] > div { padding: 0.1rem 0; }
[class*='st-key-people-attention'] > div:first-child {
  border-top: 1px solid color-mix(in srgb, currentColor 14%, transparent); }
[class*='st-key-people-attention'] a p { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.ct-band { display: flex; align-items: baseline; font-weight: 600; font-size: 0.92rem; white-space: nowrap; }
.ct-row { display: flex; gap: 1rem; align-items: baseline; font-size: 0.92rem; min-width: 0; }
.ct-brief { flex: 1; min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.ct-contact { flex: none; min-width: 1.5rem; max-width: 14rem; overflow: hidden;
  text-overflow: ellipsis; white-space: nowrap;
  color: color-mix(in srgb, currentColor 78%, transparent); }
[class*='st-key-group-'] { margin-top: 0.2rem; }
.st-key-slow-classes { margin: -0.5rem 0; }
@media (min-width: 641px) {
  .st-key-slow-classes { flex-wrap: nowrap; white-space: nowrap; overflow: hidden; }
}
.st-key-slow-classes a { padding: 0; min-height: 0; }
.st-key-slow-classes p { font-size: 0.92rem; }
/* What a button is about is read aloud, and stands beside it for the eyes. */
:is([data-testid=stPopoverButton], [data-testid=stMenuButtonButton], [data-testid=stButton],
  [data-testid=stLinkButton]) p em { position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); white-space: nowrap; }
.ct-lines { width: 100%; height: auto; }
.ct-lines text { fill: currentColor; font-size: 12px; }
.ct-lines line { stroke: color-mix(in srgb, currentColor 14%, transparent); }
.ct-strip { display: grid; grid-template-columns: minmax(22rem, 1fr) minmax(26rem, 1.2fr); gap: 0 2rem;
  align-items: center; }
.ct-strip .ct-legend { gap: 0 1rem; padding-top: 0.3rem; font-size: 0.92rem; }
dl.ct-figures.ct-figures { display: grid; grid-template-columns: repeat(4, auto); gap: 0 1.2rem; margin: 0;
  padding: 0; }
dl.ct-figures dt { font-size: 0.85rem; opacity: 0.85; margin: 0; white-space: nowrap; }
dl.ct-figures dd { font-size: 1.35rem; font-weight: 600; line-height: 1.2; margin: 0; white-space: nowrap; }
dl.ct-figures small { font-size: 0.78rem; font-weight: 400; opacity: 0.85; }
/* Whoever works by keyboard must see where they are. */
:is([data-testid=stMain], [data-testid=stSidebar], [data-testid=stPopoverBody]) :is(a, button):focus-visible {
  outline: 2px solid currentColor; outline-offset: 1px; }
kbd { border: 1px solid color-mix(in srgb, currentColor 40%, transparent); border-radius: 0.25rem;
  padding: 0 0.4rem; font: inherit; }
/* A table's own buttons must not cover the menu above it. */
[data-testid=stDataFrame] [data-testid=stElementToolbar] { top: auto !important; bottom: 0.3rem; }
/* The answer to a click stays in sight, and moves nothing. */
.st-key-notice { position: fixed; bottom: 1rem; z-index: 1000; width: auto !important; max-width: 92vw;
  padding: 0.3rem 1rem; border-radius: 0.5rem; background: #1b6a73; color: #fff; flex-wrap: nowrap; }
.st-key-notice [data-testid=stCaptionContainer] { opacity: 1; }
.st-key-notice button { color: #fff !important; text-decoration: underline; }
.ct-why { color: color-mix(in srgb, currentColor 78%, transparent); font-size: 0.92rem;
  overflow-wrap: anywhere; }
.ct-mark { margin-right: 0.9rem; font-weight: 600; white-space: nowrap; }
[data-testid=stMenuButtonButton] { min-height: 0; font-size: 0.9rem; opacity: 0.78; }
[data-testid=stMenuButtonButton]:is(:hover, :focus-visible, [aria-expanded=true]) { opacity: 1; }
.st-key-matrix { overflow-x: auto; container-type: inline-size; }
.st-key-matrix > div:has([data-testid=stExpander]) { position: sticky; left: 0; width: 100cqw; }
.ct-ago { opacity: 0.78; }
.ct-what { overflow-wrap: anywhere; }
dl.ct-facts.ct-facts { display: grid; grid-template-columns: 12rem 1fr; gap: 0.35rem 1rem; margin: 0;
  padding: 0; }
dl.ct-facts.ct-marked { grid-template-columns: 5rem 1fr; }
dl.ct-facts dt { opacity: 0.78; }
dl.ct-facts dd { margin: 0; overflow-wrap: anywhere; }
.ct-effect { padding: 0.5rem 0; overflow-wrap: anywhere;
  border-top: 1px solid color-mix(in srgb, currentColor 14%, transparent); }
.ct-effect .ct-name { font-weight: 600; }
.ct-effect ul { list-style: none; margin: 0; padding: 0; }
.ct-effect li { margin: 0.15rem 0; padding: 0; font-size: 0.95rem; }
.ct-nowrap { white-space: nowrap; margin-right: 1.2rem; }
.ct-shape { display: inline-block; width: 1.1em; }
[data-testid=stSelectbox] input { text-overflow: ellipsis; }
.ct-split { display: flex; height: 0.9rem; border-radius: 0.3rem; overflow: hidden; gap: 2px; }
.ct-legend { display: flex; flex-wrap: wrap; gap: 0.2rem 1.4rem; padding-top: 0.4rem; font-size: 0.95rem; }
.st-key-person [data-testid=stText] { overflow-wrap: anywhere; white-space: normal; }
.ct-sign-out { background: none; border: none; color: inherit; font: inherit; font-size: 0.88rem;
  padding: 0.25rem; min-height: 2rem; cursor: pointer; text-decoration: underline; white-space: nowrap; }
.ct-downloads { display: flex; flex-direction: column; min-width: 11rem; margin: 0; }
span.ct-download, a.ct-download.ct-download { color: inherit; text-decoration: none; padding: 0.45rem 0.6rem;
  border-radius: 0.4rem; }
a.ct-download.ct-download:hover { background: color-mix(in srgb, currentColor 10%, transparent); }
a.ct-download.ct-download:focus-visible { outline: 2px solid currentColor; outline-offset: -2px; }
.ct-template a.ct-download { border: 1px solid color-mix(in srgb, currentColor 30%, transparent);
  text-align: center; }
@page { margin: 12mm; }
@media print {
  [data-testid=stSidebar], [data-testid=stHeader], [data-testid=stToolbar], [data-testid=stElementToolbar],
  [data-testid=stPopover], [data-testid=stButton], [data-testid=stMenuButton], [data-testid=stTooltipIcon],
  [data-testid=stToast], .ct-downloads, [data-testid=stExpandSidebarButton] { display: none !important; }
  html, body, #root, .stApp, [data-testid=stAppViewContainer], [data-testid=stMain] {
    position: static !important; height: auto !important; overflow: visible !important; }
  /* As wide as on a screen, because tables and charts were drawn for that width. */
  .stMainBlockContainer { max-width: none; padding: 0; zoom: 0.75; }
  .stApp, .stApp * { color-adjust: exact; print-color-adjust: exact; }
  canvas { max-width: 100% !important; }
  h2, h3 { break-after: avoid; }
  [data-testid=stVegaLiteChart], [data-testid=stDataFrame], [data-testid=stMetric],
  [class*='st-key-people-'] > div, [class*='st-key-events-'] > div { break-inside: avoid; }
}
@media (max-width: 640px) {
  :is([data-testid='stPopoverButton'], [data-testid='stMenuButtonButton']) p { font-size: 0; }
  .st-key-headline > div { flex: 0 0 calc(50% - 0.5rem) !important; width: auto !important; min-width: 0; }
  .st-key-headline [data-testid=stMetricValue] { font-size: 1.3rem; }
  .stMainBlockContainer { padding-top: 3.2rem; }
  /* Two lines: band, name and message, and the reason below them over the whole width. */
  [class*='st-key-people-attention'] [data-testid=stHorizontalBlock] { flex-wrap: wrap; gap: 0 0.4rem; }
  [class*='st-key-people-attention'] [data-testid=stHorizontalBlock] > div:nth-child(1) {
    width: auto !important; min-width: 0; flex: none !important; }
  [class*='st-key-people-attention'] [data-testid=stHorizontalBlock] > div:nth-child(2) {
    width: auto !important; min-width: 0; flex: 1 1 0 !important; }
  [class*='st-key-people-attention'] [data-testid=stHorizontalBlock] > div:nth-child(3) {
    order: 4; flex: 1 0 100% !important; min-width: 0; }
  [class*='st-key-people-attention'] [data-testid=stHorizontalBlock] > div:nth-child(4) {
    order: 3; width: auto !important; flex: none !important; }
  [data-testid=stDataFrame] [data-testid=stElementToolbar] { display: none; }
  /* What opens lies at the lower edge, whole: below its button there may be no room for a message. */
  [data-testid=stPopoverBody] { transform: none !important; top: auto !important; left: 8px !important;
    bottom: 8px !important; max-height: 75vh !important; overflow-y: auto; }
  [data-testid=stButtonGroup] > div { flex-wrap: wrap; overflow: visible; height: auto; }
  [class*='st-key-actions-'] [data-testid=stMenuButtonButton] p { font-size: 0.9rem !important; }
  .ct-brief { white-space: normal; overflow-wrap: anywhere; }
  :is([class*='st-key-message-'], .st-key-own-page) [data-testid=stPopoverButton] p { font-size: 0.9rem; }
  [class*='st-key-message-'] [data-testid=stIconMaterial] { display: none; }
  .st-key-titled-verdict, .st-key-titled-attention { flex-wrap: wrap; }
  .st-key-titled-verdict > div:first-child { max-width: calc(100% - 4rem); flex: 0 1 auto; }
  .ct-strip { grid-template-columns: 1fr; gap: 0.4rem; }
  dl.ct-figures.ct-figures { grid-template-columns: repeat(2, auto); }
  dl.ct-facts.ct-facts { grid-template-columns: 1fr; gap: 0; }
  dl.ct-facts dd { margin-bottom: 0.5rem; }
}
[aria-label^='Copy Vega'] { display: none; }
</style>
"""

PRINTED_FROM_DARK = """
<style>
@media print {
  html { background: #fff; }
  /* Turn the colours of a dark screen into light ones; the hues stay. */
  .stApp { background: #000 !important; filter: invert(1) hue-rotate(180deg); }
}
</style>
"""
