import { diskContract } from "../ports/disk.contract.ts";
import { memoryDisk } from "./memory-disk.ts";

diskContract("memory", async () => {
  const { mount } = memoryDisk();
  return {
    async mount() {
      const disk = mount();
      await disk.open();
      return disk;
    },
    close: async () => undefined,
  };
});
