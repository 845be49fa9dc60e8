#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Realms, computed again: the RIM from the formulas of the RMM specification, a token decoded
with the decoder below (and python3-cbor2, where that is installed), its signatures judged by the
openssl command. Shares no code with tvm. Inputs are random; SEED repeats a run.

cca.py TVM-ATTEST REALM WORKDIR [SEED]      prints TAP
"""
import hashlib
import json
import os
import random
import struct
import subprocess
import sys

ATTEST, REALM, WORK = sys.argv[1:4]
SEED = int(sys.argv[4]) if len(sys.argv) > 4 else random.SystemRandom().randrange(1 << 32)
rng = random.Random(SEED)
ROUNDS = 4
MIB = 1 << 20
results = []


def run(*args):
    p = subprocess.run([str(a) for a in args], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if p.returncode:
        raise RuntimeError("%s: %s" % (" ".join(map(str, args)), p.stderr.decode()))
    return p.stdout


def check(name, fn, *args):
    try:
        fn(*args)
        verdict = "ok"
    except Exception as e:  # each check is a test of its own
        print("# %s: %s (seed %d)" % (type(e).__name__, e, SEED))
        verdict = "not ok"
    results.append(verdict)
    print("%s %d - %s" % (verdict, len(results), name), flush=True)


def same(a, b, what):
    if a != b:
        raise AssertionError("%s: %s, expected %s" % (what, a, b))


def path(name):
    return os.path.join(WORK, name)


def put(name, data):
    with open(path(name), "wb") as f:
        f.write(data)
    return path(name)


def get(name):
    with open(path(name), "rb") as f:
        return f.read()


# ---- RIM: DEN0137 1.0 --------------------------------------------------------------------

class Rim:
    ALGO = {"sha256": 0, "sha512": 1, "sha384": 2}

    def __init__(self, algo, s2sz, bps, wps, flags=0, sve_vl=0, pmu=0):
        self.algo, self.s2sz = algo, s2sz
        page = bytearray(4096)
        struct.pack_into("<Q", page, 0, flags)
        for off, v in ((8, s2sz), (0x10, sve_vl), (0x18, bps - 1), (0x20, wps - 1), (0x28, pmu),
                       (0x30, self.ALGO[algo])):
            page[off] = v
        self.value = self.h(bytes(page))

    def h(self, data):
        return hashlib.new(self.algo, data).digest()

    def step(self, kind, body):
        d = struct.pack("<Q", kind) + struct.pack("<Q", 256) + self.value.ljust(64, b"\0") + body
        self.value = self.h(d.ljust(256, b"\0"))

    def ripas(self, base, top):
        sizes = [4096]
        for bits, need in ((21, 26), (30, 35), (39, 44)):
            if self.s2sz >= need:
                sizes.insert(0, 1 << bits)
        while base < top:
            size = next(s for s in sizes if base % s == 0 and base + s <= top)
            self.step(2, struct.pack("<QQ", base, base + size))
            base += size

    def data(self, ipa, page):
        self.step(0, struct.pack("<QQ", ipa, 1) + self.h(page.ljust(4096, b"\0")).ljust(64, b"\0"))

    def tec(self, pc, flags, x0=0):
        self.step(1, self.h(struct.pack("<10Q", x0, *[0] * 7, pc, flags)).ljust(64, b"\0"))

    def rec(self, pc, x0):
        page = bytearray(4096)
        struct.pack_into("<Q", page, 0, 1)
        struct.pack_into("<Q", page, 0x200, pc)
        struct.pack_into("<Q", page, 0x300, x0)
        self.step(1, self.h(bytes(page)).ljust(64, b"\0"))


def expected(cfg, parts, with_ripas=True):
    rim = Rim(cfg["hash"], cfg["bits"], cfg.get("bps", 2), cfg.get("wps", 2),
              cfg.get("flags", 0), cfg.get("vl", 0), cfg.get("pmu", 0))
    if with_ripas:
        rim.ripas(cfg["base"], cfg["base"] + cfg["memory"])
    pages = {}
    for ipa, data in parts:
        for i in range(0, len(data), 4096):
            at = ipa + i
            lo = at & ~4095
            chunk = data[i:i + 4096]
            for a in (lo, lo + 4096):
                s, e = max(at, a), min(at + len(chunk), a + 4096)
                if s < e:
                    p = pages.setdefault(a, bytearray(4096))
                    p[s - a:e - a] = chunk[s - at:e - at]
    for a in sorted(pages):
        rim.data(a, bytes(pages[a]))
    rim.rec(cfg["entry"], cfg["x0"])
    return rim.value.hex()


# ---- A kernel, as far as its header goes --------------------------------------------------

def image(size, memory):
    text = bytearray(rng.randbytes(size))
    struct.pack_into("<IIQQQ", text, 0, 0x91005a4d, 0x14000000, 0, memory, 0xa)
    text[56:60] = b"ARM\x64"
    return bytes(text)


def files():
    kernel = image(rng.randrange(5000, 40000), rng.randrange(40000, 5 * MIB))
    initrd = rng.randbytes(rng.randrange(1, 20000))
    dtb = b"\xd0\x0d\xfe\xed" + rng.randbytes(rng.randrange(100, 9000))
    put("kernel", kernel), put("initrd", initrd), put("dtb", dtb)
    fdt = (0x80000000 + struct.unpack_from("<Q", kernel, 16)[0] + 2 * MIB - 1) & -(2 * MIB)
    return kernel, initrd, dtb, fdt


def measure(*args):
    return json.loads(run(ATTEST, "measure", "--tee", "cca", "--json", *args))


def test_tvm():
    kernel, initrd, dtb, fdt = files()
    size = rng.choice([64, 100, 512, 2048, 2050, 5000])
    algo = rng.choice(list(Rim.ALGO))
    bits = 33 if size <= 2048 else 34
    cfg = {"hash": algo, "bits": bits, "base": 0x80000000, "memory": size * MIB,
           "entry": 0x80000000, "x0": fdt}
    parts = [(0x80000000, kernel), (fdt, dtb), (fdt + 65536, initrd)]
    args = ["--kernel", path("kernel"), "--dtb", path("dtb"), "--initrd", path("initrd"),
            "--memory", "%dM" % size, "--hash", algo]
    out = measure(*args)
    same(out["rim"], expected(cfg, parts), "rim")
    same(out["ipa-bits"], bits, "width")
    out = measure(*args, "--rmm", "2.0", "--rpv", "0102", "--vcpus", "4")
    same(out["rim"], expected(cfg, parts, False), "rim without RIPAS")
    same(out["rpv"], "0102" + 124 * "0", "rpv")


def test_virtcca():
    """Direct boot of QEMU, as the vendor's tool documents it: whole blobs with their padding."""
    kernel, initrd, dtb, _ = files()
    base, size = 0x40000000, rng.choice([128, 1024, 2048])
    cpus = rng.randrange(1, 5)
    kern = base + 2 * MIB
    memory = max(struct.unpack_from("<Q", kernel, 16)[0], len(kernel))
    ird = base + min(size // 2, 128) * MIB
    fdt = (ird + len(initrd) + 2 * MIB - 1) & -(2 * MIB)
    stub = struct.pack("<6I", 0x580000c0, 0xaa1f03e1, 0xaa1f03e2, 0xaa1f03e3, 0x58000084,
                       0xd61f0080) + struct.pack("<QQ", fdt, kern)
    pad = lambda b, n, to: b.ljust((n + to - 1) // to * to, b"\0")
    rim = Rim("sha512", 40, 1, 1, 6, 1, 1)
    for at, blob in ((base, pad(stub, 1, 2 * MIB)), (kern, pad(kernel, memory, 4096)),
                     (ird, pad(initrd, len(initrd) + 1, 2 * MIB)),
                     (fdt, pad(dtb, len(dtb) + 1, 2 * MIB))):
        for i in range(0, len(blob), 4096):
            rim.data(at + i, blob[i:i + 4096])
    rim.tec(base, 1)
    for _ in range(1, cpus):
        rim.tec(0, 0)
    out = json.loads(run(ATTEST, "measure", "--tee", "virtcca", "--json", "--layout",
                         "qemu", "--kernel", path("kernel"), "--dtb", path("dtb"), "--initrd", path("initrd"),
                         "--memory", "%dM" % size, "--hash", "sha512", "--vcpus", cpus))
    same(out["rim"], rim.value.hex(), "rim")


def test_virtcca_tvm():
    """What tvm's launch gives to the monitor: two ranges, all their pages."""
    kernel, initrd, dtb, _ = files()
    base, cpus = 0x80000000, rng.randrange(1, 5)
    memory = max(struct.unpack_from("<Q", kernel, 16)[0], len(kernel))
    fdt = (base + memory + 2 * MIB - 1) & -(2 * MIB)
    ird = fdt + 0x10000
    up, down = lambda n: (n + 4095) & -4096, lambda n: n & -4096
    parts = [(base, kernel), (fdt, dtb), (ird, initrd)]
    gaps = [(parts[i + 1][0] - up(at + len(b)), i) for i, (at, b) in enumerate(parts[:2])]
    cut = max(gaps, key=lambda g: (g[0], -g[1]))[1]
    rim = Rim("sha256", 40, 1, 1, 2, 1, 0)
    for some in (parts[:cut + 1], parts[cut + 1:]):
        start = down(some[0][0])
        blob = bytearray(up(some[-1][0] + len(some[-1][1])) - start)
        for at, b in some:
            blob[at - start:at - start + len(b)] = b
        for i in range(0, len(blob), 4096):
            rim.data(start + i, bytes(blob[i:i + 4096]))
    rim.tec(base, 1, fdt)
    for _ in range(1, cpus):
        rim.tec(0, 0)
    out = json.loads(run(ATTEST, "measure", "--tee", "virtcca", "--json", "--kernel",
                         path("kernel"), "--dtb", path("dtb"), "--initrd", path("initrd"),
                         "--memory", "1G", "--vcpus", cpus))
    same(out["rim"], rim.value.hex(), "rim")


def test_data():
    base = rng.choice([0, 0x40000000, 0x80000000])
    a, b = rng.randbytes(rng.randrange(1, 9000)), rng.randbytes(rng.randrange(1, 9000))
    at = base + 4096 * rng.randrange(100) + rng.randrange(4096)
    put("a", a), put("b", b)
    cfg = {"hash": "sha256", "bits": 40, "bps": 6, "wps": 4, "flags": 7, "vl": 3, "pmu": 8,
           "base": base, "memory": 1 << 30, "entry": base + 64, "x0": 1234}
    args = ["--data", "0x%x=%s" % (at + len(a) + rng.randrange(5000), path("b"))]
    second = int(args[1].split("=")[0], 16)
    out = measure("--data", "%d=%s" % (at, path("a")), *args, "--memory", "1G", "--ram-base",
                  hex(base), "--entry", hex(base + 64), "--x0", "1234", "--ipa-bits", "40",
                  "--breakpoints", "6", "--watchpoints", "4", "--pmu-counters", "8", "--sve-vl",
                  "512", "--lpa2")
    same(out["rim"], expected(cfg, [(at, a), (second, b)]), "rim")


# ---- Tokens -------------------------------------------------------------------------------

def cbor(b, i=0):
    """The item at i of b, and where the next one starts."""
    major, low = b[i] >> 5, b[i] & 31
    i += 1
    n = low
    if low >= 24:
        size = 1 << (low - 24)
        n = int.from_bytes(b[i:i + size], "big")
        i += size
    if major < 2:
        return (n if major == 0 else -1 - n), i
    if major in (2, 3):
        v = b[i:i + n]
        same(len(v), n, "string length")
        return (v if major == 2 else v.decode()), i + n
    if major == 4:
        out = []
        for _ in range(n):
            v, i = cbor(b, i)
            out.append(v)
        return out, i
    if major == 5:
        out, keys = {}, []
        for _ in range(n):
            k, i = cbor(b, i)
            keys.append(k)
            out[k], i = cbor(b, i)
        return out, i
    if major == 6:
        v, i = cbor(b, i)
        return (n, v), i
    raise ValueError("CBOR major type 7")


def whole(b):
    v, i = cbor(b)
    same(i, len(b), "bytes used")
    return v


def der(tag, body):
    head = bytes([tag, len(body)]) if len(body) < 128 else bytes([tag, 0x81, len(body)])
    return head + body


def der_int(b):
    n = int.from_bytes(b, "big")
    return der(2, n.to_bytes(n.bit_length() // 8 + 1, "big"))


def verify(sign1, pem):
    tag, (protected, unprotected, payload, sig) = whole(sign1)
    same(tag, 18, "tag")
    same(whole(protected), {1: -35}, "protected header")
    same(unprotected, {}, "unprotected header")
    same(len(sig), 96, "signature length")
    bstr = lambda b: (bytes([0x40 | len(b)]) if len(b) < 24 else
                      b"\x58" + bytes([len(b)]) if len(b) < 256 else
                      b"\x59" + len(b).to_bytes(2, "big")) + b
    msg = b"\x84\x6aSignature1" + bstr(protected) + b"\x40" + bstr(payload)
    put("x.sig", der(0x30, der_int(sig[:48]) + der_int(sig[48:])))
    run("openssl", "dgst", "-sha384", "-verify", pem, "-signature", path("x.sig"),
        put("x.msg", msg))
    return whole(payload)


def spki(x, y):
    head = bytes.fromhex("3076301006072a8648ce3d020106052b8104002203620004")
    put("rak.der", head + x + y)
    run("openssl", "pkey", "-pubin", "-inform", "DER", "-in", path("rak.der"), "-out",
        path("rak.pem"))
    return path("rak.pem")


def test_token(form):
    kernel, initrd, dtb, fdt = files()
    algo = rng.choice(["sha256", "sha512"])
    rpv, challenge, rem = rng.randbytes(64), rng.randbytes(64), rng.randbytes(32)
    rim = run(REALM, path("plat"), form, algo, rpv.hex(), challenge.hex(), rem.hex(),
              path("token"), hex(512 * MIB), "0x80000000", hex(fdt),
              "0x80000000=" + path("kernel"), "%#x=%s" % (fdt, path("dtb")),
              "%#x=%s" % (fdt + 65536, path("initrd"))).decode().strip()
    out = measure("--kernel", path("kernel"), "--dtb", path("dtb"), "--initrd", path("initrd"),
                  "--memory", "512M", "--hash", algo)
    same(out["rim"], rim, "offline RIM against the launched realm's")
    token = get("token")
    tag, halves = whole(token)
    same(tag, 399 if form == "legacy" else 907, "tag")
    if form != "legacy":
        same({v[0] for v in halves.values()}, {263}, "content formats")
        halves = {k: v[1] for k, v in halves.items()}
    platform = verify(halves[44234], path("plat/cpak.pem"))
    _, (_, _, payload, _) = whole(halves[44241])
    realm = whole(payload)
    rak = realm[44237]
    same(platform[10], hashlib.sha256(rak).digest(), "binding")
    if form == "legacy":
        same(rak[:1] + bytes([len(rak)]), b"\x04\x61", "point")
        x, y = rak[1:49], rak[49:]
        same(265 in realm, False, "profile")
        same(platform[265], "http://arm.com/CCA-SSD/1.0.0", "profile")
    else:
        key = whole(rak)
        same((key[1], key[-1]), (2, 2), "kind of key")
        x, y = key[-2], key[-3]
        same(realm[265], "tag:arm.com,2023:realm#1.0.0", "profile")
        same(platform[265], "tag:arm.com,2023:cca_platform#1.0.0", "profile")
    same(verify(halves[44241], spki(x, y)), realm, "realm claims")
    n = hashlib.new(algo).digest_size
    same((realm[10], realm[44235], realm[44238].hex()), (challenge, rpv, rim), "claims")
    same(realm[44236], algo.replace("sha", "sha-"), "hash")
    same(realm[44239][0], hashlib.new(algo, bytes(n) + rem).digest(), "REM 1")
    same(realm[44239][1:], [bytes(n)] * 3, "REM 2 to 4")
    same(platform[2396].rstrip(b"\0"), b"tvm soft: not confidential", "implementation id")
    same(platform[2395], 0, "lifecycle")
    for claims in (platform, realm):
        same(list(claims), sorted(claims), "order of claims")
    shown = json.loads(run(ATTEST, "token", "--token", path("token"), "--soft", path("plat"),
                           "--allow-soft", "--challenge", challenge.hex(), "--rim", rim, "--rpv",
                           rpv.hex(), "--rem", "1=" + realm[44239][0].hex(), "--json"))
    same(shown["rim"], rim, "shown RIM")
    same(shown["rem-1"], realm[44239][0].hex(), "shown REM")
    same(shown["instance-id"], platform[256].hex(), "shown instance")
    same(shown["verified"], True, "verified")
    try:
        import cbor2
    except ImportError:
        return
    same(cbor2.loads(payload), realm, "cbor2's view")


def enc(v):
    """CBOR of what a token is made of."""
    def head(major, n):
        for size, code in ((0, None), (1, 24), (2, 25), (4, 26)):
            if size == 0 and n < 24:
                return bytes([major << 5 | n])
            if size and n < 1 << 8 * size:
                return bytes([major << 5 | code]) + n.to_bytes(size, "big")
    if isinstance(v, int):
        return head(0, v) if v >= 0 else head(1, -1 - v)
    if isinstance(v, bytes):
        return head(2, len(v)) + v
    if isinstance(v, str):
        return head(3, len(v)) + v.encode()
    if isinstance(v, list):
        return head(4, len(v)) + b"".join(map(enc, v))
    if isinstance(v, dict):
        return head(5, len(v)) + b"".join(enc(k) + enc(x) for k, x in v.items())
    return head(6, v[0]) + enc(v[1])


def test_virtcca_token():
    run("openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:4096", "-out",
        path("dev.key"))
    run("openssl", "pkey", "-in", path("dev.key"), "-pubout", "-out", path("dev.pem"))
    run("openssl", "pkey", "-in", path("dev.key"), "-pubout", "-outform", "DER", "-out",
        path("dev.der"))
    same(len(get("dev.der")), 550, "key length")
    bits, alg = rng.choice([("256", -37), ("384", -38), ("512", -39)])
    rim, rems = rng.randbytes(32), [rng.randbytes(32) for _ in range(4)]
    claims = enc({10: rng.randbytes(64), 44235: bytes(64), 44236: "sha-256",
                  44237: get("dev.der"), 44238: rim, 44239: rems, 44240: "sha-256"})
    protected = enc({1: alg})
    put("tbs", enc(["Signature1", protected, b"", claims]))
    run("openssl", "dgst", "-sha" + bits, "-sign", path("dev.key"), "-sigopt",
        "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest", "-out", path("tbs.sig"),
        path("tbs"))
    half = enc((18, [protected, {}, claims, get("tbs.sig")]))
    put("virtcca", enc((399, {44241: half})))
    shown = json.loads(run(ATTEST, "token", "--token", path("virtcca"), "--cpak",
                           path("dev.pem"), "--rim", rim.hex(), "--rem", "4=" + rems[3].hex(),
                           "--json"))
    same((shown["form"], shown["rem-2"], shown["verified"]), ("virtcca", rems[1].hex(), True),
         "shown")


check("measures tvm's layout %d times" % ROUNDS, lambda: [test_tvm() for _ in range(ROUNDS)])
check("measures data anywhere %d times" % ROUNDS, lambda: [test_data() for _ in range(ROUNDS)])
check("measures the layout of virtCCA's QEMU", test_virtcca)
check("measures tvm's launch on virtCCA", test_virtcca_tvm)
check("virtCCA's token", test_virtcca_token)
for form in ("legacy", "current"):
    check("token, %s form" % form, test_token, form)
print("1..%d" % len(results))
sys.exit("not ok" in results)
