// What the bindings have for the scripts of the package alone, and therefore not in the types of the package.

import type { GenerateOptions } from "../../pkg/nexttoken.js";
import type { Guard } from "../../src/js/guard.js";

declare module "../../pkg/nexttoken.js" {
  interface Generator {
    /** The address of the object in the module's memory; 0 once it has been freed. */
    readonly __wbg_ptr: number;
    chat_request(messages: unknown, template: unknown): object;
    start_chat(conversation: string, options?: GenerateOptions): void;
    token_table(): Uint8Array;
    snapshot_bytes(): Uint8Array<ArrayBuffer>;
    restore_bytes(bytes: Uint8Array): void;
    read_adapter(source: unknown, options: object): Promise<object>;
    add_adapter(name: string, adapter: object): void;
    set_draft(other: Generator): void;
  }
  interface GenerateOptions {
    /** A compiled constraint; false lifts the one in effect. */
    constraint?: ((ids: Uint32Array) => Uint32Array | undefined) | false;
  }
  const guard: Guard;
}

declare module "../../pkg/nexttoken_encoder.js" {
  const guard: Guard;
}

declare module "../../pkg/nexttoken_trainer.js" {
  const guard: Guard;
  function check_finetuner_config(config: object): void;
  namespace Finetuner {
    function on_text(generator: Generator, text: string, config: object): Finetuner;
    function on_answers(generator: Generator, conversations: unknown, config: object): Finetuner;
  }
}
