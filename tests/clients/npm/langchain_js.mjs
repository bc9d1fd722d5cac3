// LangChain.js: https://docs.langchain.com/oss/javascript/integrations/chat/openai
import { HumanMessage } from "@langchain/core/messages";
import { ChatOpenAI } from "@langchain/openai";
import { z } from "zod";
import { DATA_URL, KEY, MODEL, URL, feature, isAboutThePicture } from "./checks.mjs";

const service = { model: MODEL, apiKey: KEY, configuration: { baseURL: URL } };
const model = new ChatOpenAI(service);
const Post = z.object({ caption: z.string().max(120), likes: z.number().int().min(0).max(1000) });
const asked = [
  new HumanMessage({
    content: [
      { type: "text", text: "A caption, please." },
      { type: "image_url", image_url: { url: DATA_URL } },
    ],
  }),
];

await feature("caption", async () => isAboutThePicture((await model.invoke(asked)).text));
await feature("stream", async () => {
  let text = "";
  for await (const chunk of await model.stream(asked)) text += chunk.text;
  isAboutThePicture(text);
});
await feature("second turn", async () => {
  const first = await model.invoke(asked);
  const again = new HumanMessage("Another one, please.");
  isAboutThePicture((await model.invoke([...asked, first, again])).text);
});
await feature("structured", async () => {
  const structured = model.withStructuredOutput(Post, { method: "jsonSchema" });
  Post.parse(await structured.invoke(asked));
});
await feature("responses", async () => {
  const responses = new ChatOpenAI({ ...service, useResponsesApi: true });
  isAboutThePicture((await responses.invoke(asked)).text);
});
