"use client";

import { useEffect } from "react";
import { takeSteps } from "../steps.js";

export default function Page() {
  useEffect(() => {
    takeSteps(new URL("stories.gguf", document.baseURI).href).then((outcome) => (globalThis.outcome = outcome));
  }, []);
  return <p>nexttoken</p>;
}
