// First step of `npm test`: are the Debian packages there that the tests talk to? Installs what is missing where it may
// (root, apt), and otherwise ends with the one line to run. Nothing is skipped in silence.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

const packages = readFileSync(new URL("debian-packages.txt", import.meta.url), "utf8")
  .split("\n")
  .map((line) => line.trim())
  .filter((line) => line !== "" && !line.startsWith("#"));

function installed(name) {
  const query = spawnSync("dpkg-query", ["--status", name], { encoding: "utf8" });
  return query.stdout?.includes("\nStatus: install ok installed\n") === true;
}

function run(command, ...args) {
  console.log(`> ${command} ${args.join(" ")}`);
  const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  return spawnSync(command, args, { stdio: "inherit", env: environment }).status === 0;
}

const missing = packages.filter((name) => !installed(name));
if (missing.length > 0) {
  const line = `apt-get update && apt-get install -y ${missing.join(" ")}`;
  const mayInstall = process.getuid?.() === 0 && spawnSync("apt-get", ["--version"]).status === 0;
  if (!mayInstall) {
    console.error(`The tests need Debian packages that are not installed. Run, as root:\n\n  ${line}\n`);
    process.exit(1);
  }
  if (!run("apt-get", "update") || !run("apt-get", "install", "-y", "--no-install-recommends", ...missing)) {
    console.error(`Installing failed. Run it by hand, as root, and see why:\n\n  ${line}\n`);
    process.exit(1);
  }
}
