// An exported student in the browser: transformers.js and onnxruntime-web, every file from this server.
import { AutoModelForSequenceClassification, AutoTokenizer, env } from "@huggingface/transformers";

env.allowRemoteModels = false;
env.allowLocalModels = true;
env.localModelPath = "/";
env.useBrowserCache = false; // another export under the same address must not be answered by the former one
env.backends.onnx.wasm.wasmPaths = "/node_modules/onnxruntime-web/dist/";

/**
 * Load the student of a folder in the layout of transformers.js (`sinkd export … --layout transformers.js`).
 *
 * @param {string} folder Path of the folder on this server.
 * @param {"q8" | "fp32"} dtype `onnx/model_quantized.onnx` or `onnx/model.onnx`.
 * @returns {Promise<(text: string) => Promise<{label: string, scores: Record<string, number>}>>}
 */
export async function loadStudent(folder, dtype = "q8") {
  const [tokenizer, model, maxLength] = await Promise.all([
    AutoTokenizer.from_pretrained(folder),
    AutoModelForSequenceClassification.from_pretrained(folder, { dtype, device: "wasm" }),
    trainedLength(folder),
  ]);
  const labels = Object.entries(model.config.id2label).sort(([one], [other]) => one - other).map(([, name]) => name);
  return async (text) => {
    const { logits } = await model(tokenizer(text, { truncation: true, ...maxLength }));
    const probabilities = softmax(Array.from(logits.data));
    const scores = Object.fromEntries(labels.map((name, index) => [name, probabilities[index]]));
    return { label: labels[probabilities.indexOf(Math.max(...probabilities))], scores };
  };
}

/** Texts are cut where they were cut in training, as the Python runtime does. */
async function trainedLength(folder) {
  const record = await fetch(`/${folder}/sinkd.json`);
  const length = record.ok ? (await record.json()).max_length : undefined;
  return length === undefined ? {} : { max_length: length };
}

function softmax(logits) {
  const highest = Math.max(...logits);
  const exponentials = logits.map((logit) => Math.exp(logit - highest));
  const total = exponentials.reduce((sum, value) => sum + value, 0);
  return exponentials.map((value) => value / total);
}
