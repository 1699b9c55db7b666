// aedes.mjs PORT: Aedes with its defaults, on 127.0.0.1, in a process of its own, as a peer of the benchmark.
// TCP_NODELAY is on because mosquitto and Midge have it on too. Ends with a signal.
import { createServer } from "node:net";
import { Aedes } from "aedes";

const aedes = await Aedes.createBroker();
createServer({ noDelay: true }, aedes.handle).listen(Number(process.argv[2]), "127.0.0.1");
