import { superviseFromArguments } from "../supervisor-process.ts";
import { standInServices } from "./stand-in-services.ts";

await superviseFromArguments(async () => standInServices);
