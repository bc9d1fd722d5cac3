// Vercel's AI SDK with @ai-sdk/openai-compatible:
// https://ai-sdk.dev/providers/openai-compatible-providers
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { all, secondTurn } from "./ai_sdk_features.mjs";
import { KEY, MODEL, URL, feature } from "./checks.mjs";

const provider = createOpenAICompatible({
  name: "captions",
  baseURL: URL,
  apiKey: KEY,
  supportsStructuredOutputs: true,
});

await all(provider(MODEL), "compatible");
await feature("compatible: second turn", () => secondTurn(provider(MODEL)));
