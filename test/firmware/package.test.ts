// The Debian package: built, installed by dpkg into a folder, and started as its unit says, with a NOTIFY_SOCKET. No systemd
// runs as the first process where tests run, so what it would do is taken from the unit: systemd-analyze reads that, and
// this test starts the command in it. What is not tried: the sandbox itself, and the maintainer scripts' calls of systemctl.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort, run, start, stopAll } from "../host/peers.ts";

const build = fileURLToPath(new URL("../../build/native", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "midge-package-"));
const root = join(folder, "root");
const unit = join(root, "lib/systemd/system/midged.service");

/** dpkg with a data base of its own: this machine's stays as it is. */
function dpkg(...args: string[]): string {
  const admin = join(folder, "dpkg");
  const own = [
    "--admindir",
    admin,
    "--instdir",
    root,
    "--force-not-root",
    "--force-depends",
    "--force-script-chrootless",
  ];
  return execFileSync("dpkg", [...own, "--log", join(folder, "log"), ...args], { encoding: "utf8" });
}

beforeAll(() => {
  execFileSync("cpack", ["-G", "DEB", "-B", folder], { cwd: build, stdio: "pipe" });
  for (const name of ["dpkg/info", "dpkg/updates", "dpkg/triggers", "root"])
    mkdirSync(join(folder, name), { recursive: true });
  for (const name of ["status", "available"]) writeFileSync(join(folder, "dpkg", name), "");
}, 60_000);

afterAll(async () => {
  await stopAll();
  rmSync(folder, { recursive: true, force: true });
});

describe("the package", () => {
  it("installs the broker, its unit and its configuration", () => {
    const file = readdirSync(folder).find((name) => /^midged_[\d.]+_\w+\.deb$/.test(name));
    expect(file).toBeDefined();
    dpkg("--install", join(folder, file as string));
    const installed = ["etc/midge/midged.conf", "usr/sbin/midged", "usr/share/doc/midged/copyright"];
    for (const path of installed) expect(readFileSync(join(root, path)).length).toBeGreaterThan(0);
    expect(dpkg("--status", "midged")).toMatch(/Conffiles:\n \/etc\/midge\/midged\.conf/);
  });

  it("has a unit that systemd understands, and that lets the broker do little", async () => {
    // It looks whether the command is there, too.
    const moved = join(folder, "midged.service");
    writeFileSync(moved, readFileSync(unit, "utf8").replace("/usr/sbin/", `${root}/usr/sbin/`));
    const verified = await run(["systemd-analyze", "verify", "--man=no", moved]);
    expect(verified).toMatchObject({ exitCode: 0 });
    expect(verified.stderr).not.toContain("midged");
    const security = await run(["systemd-analyze", "security", "--offline=yes", "--threshold=15", unit]);
    expect(security.exitCode, security.stdout.toString()).toBe(0);
  });

  it("starts as its unit says, tells that it is ready, that it lives, and that it stops", async () => {
    const command = /^ExecStart=(\S+) (.*)$/m.exec(readFileSync(unit, "utf8"));
    const [, program = "", args = ""] = command ?? [];
    const socket = join(folder, "notify");
    const systemd = start(["python3", fileURLToPath(new URL("notify_peer.py", import.meta.url)), socket]);
    await systemd.printed("bound");
    // The port may be in use here: it is all that is changed.
    const configuration = join(root, "etc/midge/midged.conf");
    const port = await freePort();
    writeFileSync(configuration, readFileSync(configuration, "utf8").replace("listener 1883", `listener ${port}`));
    const service = start([join(root, program), ...args.replace("/etc/", `${root}/etc/`).split(" ")], {
      env: { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "200000" },
    });
    await systemd.printed("READY=1");
    await service.printed(`midged listens on 127.0.0.1:${port}`);
    const published = await run(["mosquitto_pub", "-p", String(port), "-t", "a", "-m", "x", "-q", "1"]);
    expect(published).toMatchObject({ exitCode: 0, stderr: "" });
    await systemd.printed("WATCHDOG=1", 3);
    const result = await service.stop();
    expect(result.exitCode).toBe(0);
    // The log, which the journal keeps: a line for who came, and one for its end.
    expect(result.stderr).toMatch(/^\S+ connect .*\n\S+ disconnect .*\n$/);
    await systemd.printed("STOPPING=1");
    systemd.process.stdin?.end();
    await systemd.ended;
  });

  it("is removed, but for its configuration", async () => {
    dpkg("--remove", "midged");
    expect(existsSync(join(root, "usr/sbin/midged"))).toBe(false);
    expect(readdirSync(join(root, "etc/midge"))).toContain("midged.conf");
    dpkg("--purge", "midged");
    expect(existsSync(join(root, "etc/midge"))).toBe(false);
  });
});
