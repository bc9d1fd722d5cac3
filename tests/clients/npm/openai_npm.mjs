// openai: https://github.com/openai/openai-node, with `baseURL`.
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import { DATA_URL, KEY, MODEL, URL, feature, holds, isAboutThePicture } from "./checks.mjs";

const client = new OpenAI({ baseURL: URL, apiKey: KEY });
const Post = z.object({ caption: z.string().max(120), likes: z.number().int().min(0).max(1000) });
const messages = [
  {
    role: "user",
    content: [
      { type: "text", text: "A caption, please." },
      { type: "image_url", image_url: { url: DATA_URL } },
    ],
  },
];
const input = [
  {
    role: "user",
    content: [
      { type: "input_text", text: "A caption, please." },
      { type: "input_image", image_url: DATA_URL, detail: "auto" },
    ],
  },
];

await feature("caption", async () => {
  const answer = await client.chat.completions.create({ model: MODEL, messages });
  isAboutThePicture(answer.choices[0].message.content);
});
await feature("stream", async () => {
  let text = "";
  for await (const chunk of await client.chat.completions.create({
    model: MODEL,
    messages,
    stream: true,
  })) {
    text += chunk.choices[0]?.delta?.content ?? "";
  }
  isAboutThePicture(text);
});
await feature("stream helper", async () => {
  const stream = client.chat.completions.stream({ model: MODEL, messages });
  isAboutThePicture(await stream.finalContent());
});
await feature("second turn", async () => {
  const first = await client.chat.completions.create({ model: MODEL, messages });
  const again = { role: "user", content: "Another one, please." };
  const answer = await client.chat.completions.create({
    model: MODEL,
    messages: [...messages, first.choices[0].message, again],
  });
  isAboutThePicture(answer.choices[0].message.content);
});
await feature("structured", async () => {
  const answer = await client.chat.completions.parse({
    model: MODEL,
    messages,
    response_format: zodResponseFormat(Post, "post"),
  });
  Post.parse(answer.choices[0].message.parsed);
});
await feature("responses", async () => {
  isAboutThePicture((await client.responses.create({ model: MODEL, input })).output_text);
});
await feature("responses, streamed", async () => {
  const stream = client.responses.stream({ model: MODEL, input });
  isAboutThePicture((await stream.finalResponse()).output_text);
});
await feature("models", async () => {
  for await (const model of client.models.list()) {
    holds((await client.models.retrieve(model.id)).id === model.id, "a listed model is retrieved");
  }
});
