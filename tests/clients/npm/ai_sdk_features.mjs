// What the AI SDK does with a model, whichever provider it comes from.
import { Output, generateText, streamText, tool } from "ai";
import { z } from "zod";
import { PICTURE, feature, isAboutThePicture } from "./checks.mjs";

const Post = z.object({ caption: z.string().max(120), likes: z.number().int().min(0).max(1000) });
const asked = {
  role: "user",
  content: [
    { type: "text", text: "A caption, please." },
    { type: "image", image: PICTURE },
  ],
};
const post = tool({ description: "Post it.", inputSchema: z.object({ text: z.string() }) });

export async function secondTurn(model, options = {}) {
  const first = await generateText({ model, messages: [asked], ...options });
  const again = { role: "user", content: "Another one, please." };
  const messages = [asked, ...first.response.messages, again];
  isAboutThePicture((await generateText({ model, messages, ...options })).text);
}

export async function all(model, name) {
  await feature(`${name}: caption`, async () => {
    isAboutThePicture((await generateText({ model, messages: [asked] })).text);
  });
  await feature(`${name}: stream`, async () => {
    let text = "";
    for await (const piece of streamText({ model, messages: [asked] }).textStream) text += piece;
    isAboutThePicture(text);
  });
  await feature(`${name}: tools offered`, async () => {
    isAboutThePicture((await generateText({ model, messages: [asked], tools: { post } })).text);
  });
  await feature(`${name}: structured`, async () => {
    const output = Output.object({ schema: Post });
    const answer = await generateText({ model, messages: [asked], output });
    Post.parse(answer.output);
  });
}
