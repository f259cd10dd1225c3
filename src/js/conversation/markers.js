// The control tokens of Mistral's calls, which stand in the middle of them too.

/** Before a call. */
export const TOOL_CALLS = "[TOOL_CALLS]";
/** Between a call's name and its id. */
export const CALL_ID = "[CALL_ID]";
/** Before the arguments. */
export const ARGS = "[ARGS]";
