// What every script here shares: where the service is, and one line of JSON for each feature.
import { readFileSync } from "node:fs";

export const URL = process.env.CLIENT_TEST_URL; // of the API, with /v1 at its end
export const KEY = process.env.CLIENT_TEST_KEY;
export const MODEL = process.env.CLIENT_TEST_MODEL;
export const PICTURE = readFileSync(process.env.CLIENT_TEST_PICTURE);
export const DATA_URL = `data:image/jpeg;base64,${PICTURE.toString("base64")}`;
const SUBJECT = process.env.CLIENT_TEST_SUBJECT; // a word that a caption of the picture holds

export async function feature(name, body) {
  let why = "";
  try {
    await body();
  } catch (error) {
    console.error(error);
    why = `${error.name}: ${error.message}`.split("\n")[0].slice(0, 300);
  }
  console.log(JSON.stringify({ feature: name, works: !why, why }));
}

export function isAboutThePicture(text) {
  if (!(text ?? "").toLowerCase().includes(SUBJECT)) {
    throw new Error(`no "${SUBJECT}" in ${JSON.stringify(text)}`);
  }
}

export function holds(condition, what) {
  if (!condition) throw new Error(`not so: ${what}`);
}
