// Vercel's AI SDK with @ai-sdk/openai, whose default is /v1/responses:
// https://ai-sdk.dev/providers/ai-sdk-providers/openai
import { createOpenAI } from "@ai-sdk/openai";
import { all, secondTurn } from "./ai_sdk_features.mjs";
import { KEY, MODEL, URL, feature, holds } from "./checks.mjs";

const openai = createOpenAI({ baseURL: URL, apiKey: KEY });

await all(openai(MODEL), "responses");
await feature("responses: second turn, store: false", () =>
  secondTurn(openai(MODEL), { providerOptions: { openai: { store: false } } }),
);
await feature("responses: second turn, stored: refused with the remedy", async () => {
  const error = await secondTurn(openai(MODEL)).catch((error) => error);
  holds(error?.message?.includes("store: false"), `the remedy stands in "${error?.message}"`);
});
await all(openai.chat(MODEL), "chat");
await feature("chat: second turn", () => secondTurn(openai.chat(MODEL)));
