"use client";

import { useEffect } from "react";
import { modelAddress } from "../model.js";
import { takeSteps } from "../steps.js";

export default function Page() {
  useEffect(() => {
    takeSteps(modelAddress()).then((outcome) => (globalThis.outcome = outcome));
  }, []);
  return <p>nexttoken</p>;
}
