// Draws a dashboard with Grafana's own visualisations. Three things are ours: the grid, and the shapes "state-timeline"
// and "nodeGraph", which are in Grafana's core and in no library; their words and colours are the library's all the same.
import { createElement as h } from "react";
import { createRoot } from "react-dom/client";
import {
  FieldType, ThemeContext, VizOrientation, dateTime, formattedValueToString, getDisplayProcessor, getFieldDisplayName, getFieldDisplayValues,
} from "@grafana/data";
import { BarGauge, BigValue, GlobalStyles, TimeSeries } from "@grafana/ui";
import { TableNG } from "@grafana/ui/unstable";
import { prepared, theme } from "./known.js";

const COLUMN = 60, ROW = 38, GAP = 8, TITLE = 34, PAD = 8;

const NAME = 320, HAND = 20;

const timeline = (some, range, width, height) => {
  const each = Math.min(30, Math.floor((height - HAND) / some.length)), from = range.from.valueOf(), span = range.to.valueOf() - from;
  const place = (time) => (width - NAME) * Math.min(1, Math.max(0, (time - from) / span));
  const hours = [0, 0.25, 0.5, 0.75].map((share) => h("span", { key: share, style: { position: "absolute", left: NAME + share * (width - NAME) } },
    new Date(from + share * span).toISOString().slice(11, 19)));
  const rows = some.map((frame, at) => {
    const [{ values: times }, value] = frame.fields;
    return h("div", { key: at, style: { position: "relative", height: each, lineHeight: `${each}px`, fontSize: 12 } },
      h("span", { style: { display: "block", width: NAME - 8, overflow: "hidden", whiteSpace: "nowrap" } }, getFieldDisplayName(value, frame, some)),
      value.values.map((one, now) => {
        const left = place(times[now]), right = place(times[now + 1] ?? range.to.valueOf());
        const style = { position: "absolute", top: each * 0.1, height: each * 0.8, left: NAME + left, width: right - left, opacity: 0.75 };
        return h("i", { key: now, style: { ...style, background: value.display(one).color } });
      }));
  });
  return [...rows, h("div", { key: "hours", style: { position: "relative", fontSize: 12 } }, hours)];
};

const nodes = (some, width, height) => {
  const rows = (frame) => Array.from({ length: frame.length }, (_, at) => Object.fromEntries(
    frame.fields.map((field) => [field.config.displayName ?? field.name, formattedValueToString(field.display(field.values[at]))])));
  const [edges, all] = [some.find((one) => one.fields.some(({ name }) => name === "source")), some.find((one) => one.fields.some(({ name }) => name === "title"))].map(rows);
  const left = all.filter(({ id }) => edges.some(({ source }) => source === id)), right = all.filter((one) => !left.includes(one));
  const place = Object.fromEntries([left, right].flatMap((side, column) => side.map(({ id }, at) =>
    [id, { x: width * (column ? 0.7 : 0.3), y: height * (at + 1) / (side.length + 1) }])));
  return h("svg", { width, height, fill: "currentColor", fontSize: 12, textAnchor: "middle" },
    edges.map(({ id, source, target }) => h("line", { key: id, stroke: "gray", x1: place[source].x, y1: place[source].y, x2: place[target].x, y2: place[target].y })),
    all.map(({ id, title, subTitle, mainStat }) => h("g", { key: id, transform: `translate(${place[id].x} ${place[id].y})` },
      h("circle", { r: 26, fill: "none", stroke: "currentColor" }), h("text", { dy: 4 }, mainStat), h("text", { dy: 40 }, `${title} ${subTitle}`))));
};

const drawn = (panel, some, range, width, height) => {
  if (!some.some((frame) => frame.length)) {
    return h("div", { style: { textAlign: "center", paddingTop: height / 2 - 10 } }, panel.fieldConfig.defaults.noValue);
  }
  const { legend, reduceOptions, colorMode, displayMode, sortBy } = panel.options;
  const display = () => getFieldDisplayValues({
    fieldConfig: panel.fieldConfig, reduceOptions, replaceVariables: (text) => text, theme, data: some, timeZone: "utc",
  });
  switch (panel.type) {
    case "timeseries":
      return h(TimeSeries, { frames: some, width, height, timeRange: range, timeZone: "utc", legend, options: {} });
    case "state-timeline":
      return timeline(some, range, width, height);
    case "nodeGraph":
      return nodes(some, width, height);
    case "table": {
      const fields = some[0].fields.map((field) => ({ ...field, name: getFieldDisplayName(field, some[0], some) }));
      return h(TableNG, { data: { ...some[0], fields }, width, height, columnMinWidth: 60, sortBy, cellHeight: "sm" });
    }
    case "stat": {
      const all = display(), columns = Math.min(all.length, Math.max(1, Math.floor(width / 150)));
      const tall = height / Math.ceil(all.length / columns);
      return h("div", { style: { display: "flex", flexWrap: "wrap", gap: 4 } }, all.map((one, at) => h(BigValue, {
        key: at, value: one.display, width: width / columns - 4, height: tall - 4, theme, colorMode, graphMode: "none",
        justifyMode: "auto", textMode: all.length > 1 ? "value_and_name" : "value",
      })));
    }
    case "bargauge": {
      const all = display(), each = Math.min(60, height / all.length - 6);
      return all.map((one, at) => h(BarGauge, {
        key: at, value: one.display, field: one.field, width, height: each, itemSpacing: 4, theme, displayMode,
        display: getDisplayProcessor({ field: { config: one.field, type: FieldType.number }, theme }),
        orientation: VizOrientation.Horizontal,
      }));
    }
  }
  throw new Error(`${panel.title}: the shape ${panel.type} is not drawn here`);
};

// Draws a dashboard into the page, and returns its height. answers: by the panel's id, what Prometheus says.
window.draw = async (dashboard, answers, from, to) => {
  const range = { from: dateTime(from * 1000), to: dateTime(to * 1000) };
  range.raw = range;
  const { background, border, text } = theme.colors;
  const boxes = await Promise.all(dashboard.panels.map(async (panel) => {
    const { x, y, w, h: tall } = panel.gridPos;
    const width = w * COLUMN - GAP, height = tall * ROW - GAP;
    const place = { position: "absolute", left: x * COLUMN, top: y * ROW, width, height };
    if (panel.type === "row") return h("div", { key: panel.id, style: { ...place, fontSize: 17 } }, panel.title);
    const some = await prepared(panel, answers[panel.id]);
    const box = { ...place, background: background.primary, border: `1px solid ${border.weak}`, overflow: "hidden" };
    return h("section", { key: panel.id, style: box },
      h("div", { style: { padding: PAD, height: TITLE, fontWeight: 500 } }, panel.title),
      h("div", { style: { padding: `0 ${PAD}px` } }, drawn(panel, some, range, width - 2 * PAD, height - TITLE - PAD)));
  }));
  const rows = Math.max(...dashboard.panels.map(({ gridPos: { y, h: tall } }) => y + tall));
  document.body.style.cssText =
    `margin: 0; background: ${background.canvas}; color: ${text.primary}; font: 14px DejaVu Sans, sans-serif`;
  document.body.innerHTML =
    `<div style="position: relative; width: ${24 * COLUMN}px; height: ${rows * ROW}px; margin: 16px"></div>`;
  const root = createRoot(document.body.firstChild);
  await new Promise((resolve) => {
    root.render(h(ThemeContext.Provider, { value: theme }, h(GlobalStyles), boxes));
    setTimeout(resolve, 500);
  });
  // A table draws its cells when it knows its size: on a machine that is busy that is not at once.
  const tables = [...document.querySelectorAll("[role=grid]")];
  for (let tries = 0; tries < 300 && tables.some((one) => !one.querySelector("[role=gridcell]")); tries += 1) {
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
  return document.body.firstChild.offsetHeight + 32;
};
