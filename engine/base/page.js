// What the scripts of pages with figures share. Everything from the data is inserted as text, never as markup, because its names
// are untrusted.
const at = id => document.getElementById(id);
const color = name => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
const count = n => n.toLocaleString("en");
const percent = (share, digits = 2) => share === null ? "–" : (100 * share).toFixed(digits) + "%";
const moment = text => text === null ? "–" : text.slice(0, 19).replace("T", " ") + " UTC";
const clock = (ms, withFraction) => new Date(ms).toISOString().replace("T", " ").slice(0, withFraction ? 23 : 19);
const duration = seconds => seconds < 120 ? +seconds.toPrecision(4) + " s" : seconds < 7200 ? +(seconds / 60).toFixed(1) + " min"
  : seconds < 172800 ? +(seconds / 3600).toFixed(1) + " h" : +(seconds / 86400).toFixed(1) + " d";

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// A color of this name for each type of anomaly, as the page's data lists them.
function colorTypes(types) {
  const all = on => ":root { " + types.map(type => "--" + type.name + ": " + type[on] + ";").join(" ") + " }";
  document.head.append(element("style", {}, all("color") + " @media screen and (prefers-color-scheme: dark) { " + all("color_on_dark") + " }"));
}
const typeName = type => type.replaceAll("_", " ");

function table(caption, heading, rows) {
  return element("table", {}, element("caption", {}, caption),
    element("thead", {}, element("tr", {}, ...heading.map(text => element("th", { scope: "col" }, text)))),
    element("tbody", {}, ...rows.map(([first, ...rest]) =>
      element("tr", {}, element("th", { scope: "row" }, first), ...rest.map(text => element("td", {}, text))))));
}

const scrolling = (label, ...children) => element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, ...children);

function legend(id, entries) {
  at(id).replaceChildren(...entries.map(([name, shade]) => {
    const patch = element("i", { "aria-hidden": "true" });
    patch.style.background = shade;
    return element("li", {}, patch, name);
  }));
}

const tile = (name, value, note) => element("div", {}, element("dt", {}, name), element("dd", {}, value, element("small", {}, note)));
