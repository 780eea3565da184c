import { defineStrategy } from "@pitaya/strategies";
import { z } from "zod";

/** As many tasks as it is told, all at once; succeeds when all have. */
export const many = defineStrategy({
  name: "many",
  params: z.object({ tasks: z.int().positive() }),
  async execute({ prompt, params }, ctx) {
    const handles = Array.from({ length: params.tasks }, (_, n) =>
      ctx.run({ prompt }, { key: ctx.key("task", n) }),
    );
    await Promise.all(handles.map((handle) => ctx.wait(handle)));
    return { status: "succeeded", tasks: handles.map(({ key }) => key) };
  },
});
