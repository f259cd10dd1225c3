"use client";

import { useEffect } from "react";
import { addresses } from "../model.js";
import { takeSteps } from "../steps.js";

export default function Page() {
  useEffect(() => {
    takeSteps(addresses()).then((outcome) => (globalThis.outcome = outcome));
  }, []);
  return <p>nexttoken</p>;
}
