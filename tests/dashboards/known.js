// Grafana's own library on our panels: what it does not know of them, and what its tables show.
import {
  FieldConfigOptionsRegistry, FieldType, applyFieldOverrides, createDataFrame, createTheme, dataLinksOverrideProcessor,
  displayNameOverrideProcessor, fieldColorModeRegistry, getFieldDisplayName, getValueFormats, identityOverrideProcessor,
  standardFieldConfigEditorRegistry, standardTransformers, standardTransformersRegistry, thresholdsOverrideProcessor,
  transformDataFrame, unitOverrideProcessor, valueMappingsOverrideProcessor,
} from "@grafana/data";

export const theme = createTheme({ colors: { mode: "dark" } });

// Grafana's core registers these; the library leaves it to whoever uses it.
const option = (id, process, isCustom = false) => ({
  id: isCustom ? `custom.${id}` : id, path: id, name: id, isCustom, process, shouldApply: () => true, getItemsCount: () => 0,
});
const standard = [
  option("unit", unitOverrideProcessor), option("displayName", displayNameOverrideProcessor),
  option("thresholds", thresholdsOverrideProcessor), option("mappings", valueMappingsOverrideProcessor),
  option("links", dataLinksOverrideProcessor),
  ...["noValue", "color", "min", "max", "decimals"].map((id) => option(id, identityOverrideProcessor)),
];
standardFieldConfigEditorRegistry.setInit(() => standard);
const options = new FieldConfigOptionsRegistry();
for (const one of standard) options.register(one);
const ofShapes = [
  "align", "axisSoftMax", "cellOptions", "filterable", "fillOpacity", "lineWidth", "minWidth", "showPoints", "spanNulls",
  "thresholdsStyle", "width", "wrapText",
];
for (const id of ofShapes) options.register(option(id, identityOverrideProcessor, true));
const transformers = new Map(Object.values(standardTransformers).map((one) => [one.id, one]));
standardTransformersRegistry.setInit(() => [...transformers.values()].map((one) => ({
  id: one.id, name: one.name, description: "", transformation: async () => one, editor: () => null,
})));

const legend = (format, labels) => {
  if (format && format !== "__auto") return format.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name) => labels[name] ?? "");
  const own = Object.entries(labels).filter(([name]) => name !== "__name__");
  return own.length ? own.map(([name, value]) => `${name}="${value}"`).join(", ") : labels.__name__ ?? "Value";
};

const number = (text) => Number(text.replace("Inf", "Infinity"));

// As Prometheus's data source makes them: a frame a series; for a table one frame a query, with a column a label.
const frames = (panel, answers) => panel.targets.flatMap((target, at) => {
  const some = answers[at];
  if (target.format === "table") {
    if (!some.length) return [createDataFrame({ refId: target.refId, fields: [] })];
    const names = [...new Set(some.flatMap((one) => Object.keys(one.metric)))].sort();
    const column = panel.targets.length === 1 ? "Value" : `Value #${target.refId}`;
    return [createDataFrame({ refId: target.refId, fields: [
      { name: "Time", type: FieldType.time, values: some.map((one) => one.value[0] * 1000) },
      ...names.map((name) => ({ name, type: FieldType.string, values: some.map((one) => one.metric[name] ?? "") })),
      { name: column, type: FieldType.number, values: some.map((one) => number(one.value[1])) },
    ] })];
  }
  return some.map((one) => {
    const points = one.values ?? [one.value];
    return createDataFrame({ refId: target.refId, fields: [
      { name: "Time", type: FieldType.time, values: points.map(([time]) => time * 1000) },
      {
        name: "Value", type: FieldType.number, labels: one.metric, values: points.map(([, text]) => number(text)),
        config: { displayNameFromDS: legend(target.legendFormat, one.metric) },
      },
    ] });
  });
});

const transformed = (panel, some) => new Promise((resolve, reject) => {
  const told = transformDataFrame(panel.transformations ?? [], some, { interpolate: (text) => text });
  told.subscribe({ next: resolve, error: reject });
});

// The frames of a panel, as its visualisation gets them. answers: for each target, what Prometheus says.
export const prepared = async (panel, answers) => applyFieldOverrides({
  data: await transformed(panel, frames(panel, answers)), fieldConfig: panel.fieldConfig, fieldConfigRegistry: options,
  replaceVariables: (text) => text, theme, timeZone: "utc",
});

// What the library does not know, in words: nothing, where all is well.
window.unknown = (dashboard) => {
  const units = new Set(getValueFormats().flatMap((group) => group.submenu.map((one) => one.value)));
  const wrong = [];
  const look = (panel, id, value) => {
    if (id === "unit" && !units.has(value)) wrong.push(`${panel}: no unit ${value}`);
    if (id === "color" && !fieldColorModeRegistry.getIfExists(value.mode)) wrong.push(`${panel}: no colour mode ${value.mode}`);
  };
  for (const panel of dashboard.panels.filter((one) => one.type !== "row")) {
    for (const [id, value] of Object.entries(panel.fieldConfig.defaults)) look(panel.title, id, value);
    for (const { id, value } of panel.fieldConfig.overrides.flatMap((one) => one.properties)) {
      look(panel.title, id, value);
      if (!options.getIfExists(id)) wrong.push(`${panel.title}: no option ${id}`);
    }
    for (const { id } of panel.transformations ?? []) {
      if (!standardTransformersRegistry.getIfExists(id)) wrong.push(`${panel.title}: no transformation ${id}`);
    }
  }
  return wrong;
};

// What a panel shows: for each field its name, and each of its values as text and colour.
window.shown = async (panel, answers) => {
  const some = await prepared(panel, answers);
  return some.flatMap((frame) => frame.fields.map((field) => ({
    name: getFieldDisplayName(field, frame, some),
    values: field.values.map((value) => {
      const { prefix = "", text, suffix = "", color = "" } = field.display(value);
      return [`${prefix}${text}${suffix}`, color];
    }),
  })));
};
