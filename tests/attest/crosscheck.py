#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Everything that tvm-attest computes, computed again from the formulas: hashes and MACs by
Python's standard library, ciphers, key agreement and signatures by the openssl command.

crosscheck.py TVM-ATTEST PSP WORKDIR [SEED]      prints TAP
"""
import base64
import hashlib
import hmac
import json
import os
import random
import struct
import subprocess
import sys

ATTEST, PSP, WORK = sys.argv[1:4]
SEED = int(sys.argv[4]) if len(sys.argv) > 4 else random.SystemRandom().randrange(1 << 32)
rng = random.Random(SEED)
ROUNDS = 6
results = []


def run(*args, data=None, ok=True):
    p = subprocess.run(args, input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if ok and p.returncode:
        raise RuntimeError("%s: %s" % (" ".join(map(str, args)), p.stderr.decode()))
    return p.stdout if ok else p


def check(name, fn):
    try:
        fn()
        verdict = "ok"
    except Exception as e:  # each check is a test of its own
        print("# %s: %s (seed %d)" % (type(e).__name__, e, SEED))
        verdict = "not ok"
    results.append(verdict)
    print("%s %d - %s" % (verdict, len(results), name), flush=True)


def same(a, b, what):
    if a != b:
        show = lambda v: v.hex() if isinstance(v, bytes) else str(v)
        raise AssertionError("%s: %s, expected %s" % (what, show(a), show(b)))


def path(name):
    return os.path.join(WORK, name)


def put(name, data):
    with open(path(name), "wb") as f:
        f.write(data)
    return path(name)


def get(name):
    with open(path(name), "rb") as f:
        return f.read()


# ---- DER, as far as openssl wants to be spoken to in it ----------------------------------

def der(tag, body):
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    n = (len(body).bit_length() + 7) // 8
    return bytes([tag, 0x80 | n]) + len(body).to_bytes(n, "big") + body


def der_int(n):
    return der(2, n.to_bytes(n.bit_length() // 8 + 1, "big"))


EC = bytes.fromhex("06072a8648ce3d0201")
CURVES = {2: (bytes.fromhex("06052b81040022"), 48), 3: (bytes.fromhex("06082a811ccf5501822d"), 32)}
RSA = bytes.fromhex("06092a864886f70d0101010500")


def spki_ec(curve, x, y):
    oid, n = CURVES[curve]
    point = b"\x04" + x.to_bytes(n, "big") + y.to_bytes(n, "big")
    return der(0x30, der(0x30, EC + oid) + der(3, b"\0" + point))


def spki_rsa(n, e):
    return der(0x30, der(0x30, RSA) + der(3, b"\0" + der(0x30, der_int(n) + der_int(e))))


def num(b):
    return int.from_bytes(b, "little")


class Cert:
    """The 2084 bytes of a PDH, PEK, OCA or CEK."""

    def __init__(self, raw):
        same(len(raw), 2084, "certificate length")
        self.raw = raw
        self.version, self.major, self.minor, _, self.usage, self.algo, self.curve = \
            struct.unpack_from("<IBBHIII", raw)
        self.x, self.y = num(raw[20:92]), num(raw[92:164])
        n = struct.unpack_from("<H", raw, 164)[0]
        self.uid = raw[166:166 + n].decode()
        self.sigs = [raw[0x414:0x61c], raw[0x61c:]]

    def public(self):
        return spki_ec(self.curve, self.x, self.y)

    def slot(self, usage):
        found = [s for s in self.sigs if struct.unpack_from("<I", s)[0] == usage]
        same(len(found), 1, "slots for usage 0x%x" % usage)
        return found[0][8:]


def ec_verify(public, curve, uid, msg, sig):
    rs = der(0x30, der_int(num(sig[:72])) + der_int(num(sig[72:144])))
    args = ["openssl", "dgst", "-keyform", "DER", "-verify", put("x.pub", public), "-signature",
            put("x.sig", rs)]
    if curve == 3:
        args += ["-sm3", "-sigopt", "distid:" + uid]
    else:
        args += ["-sha256"]
    run(*args, put("x.msg", msg))


def rsa_verify(n, e, msg, sig):
    run("openssl", "dgst", "-sha256", "-keyform", "DER", "-verify", put("x.pub", spki_rsa(n, e)),
        "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32", "-signature",
        put("x.sig", sig[::-1]), put("x.msg", msg))


# ---- The two algorithm sets --------------------------------------------------------------

class Sev:
    name, session_len = "sev", 128
    digest, cipher = "sha256", "-aes-128-ctr"

    @classmethod
    def hash(cls, data):
        return hashlib.new(cls.digest, data).digest()

    @classmethod
    def mac(cls, key, data):
        return hmac.new(key, data, cls.digest).digest()

    @classmethod
    def ctr(cls, key, iv, data):
        return run("openssl", "enc", cls.cipher, "-K", key.hex(), "-iv", iv.hex(), data=data)

    @classmethod
    def kdf(cls, key, n, label, ctx=b""):
        out = b""
        i = 1
        while len(out) < n:
            out += cls.mac(key, struct.pack("<I", i) + label.encode() + b"\0" + ctx +
                           struct.pack("<I", 8 * n))
            i += 1
        return out[:n]

    @classmethod
    def open(cls, platform, session, godh, policy):
        z = run("openssl", "pkeyutl", "-derive", "-keyform", "DER", "-inkey",
                path(platform + "/pdh.key"), "-peerform", "DER", "-peerkey",
                put("x.pub", godh.public()))
        nonce, wrap, iv, wmac, pmac = struct.unpack("<16s32s16s32s32s", session)
        m = cls.kdf(z, 16, "sev-master-secret", nonce)
        kek, kik = cls.kdf(m, 16, "sev-kek"), cls.kdf(m, 16, "sev-kik")
        same(wmac, cls.mac(kik, wrap), "WRAP_MAC")
        tk = cls.ctr(kek, iv, wrap)
        same(pmac, cls.mac(tk[16:], struct.pack("<I", policy)), "POLICY_MAC")
        return tk


class Csv(Sev):
    name, session_len = "csv", 772
    digest, cipher = "sm3", "-sm4-ctr"

    @classmethod
    def kdf(cls, key, n, label, ctx=b""):
        def x963(s, size):
            return b"".join(cls.hash(s + struct.pack(">I", i + 1)) for i in range(size // 32))
        size = (n + 31) // 32 * 32
        s = key + label.encode() + b"\0" + ctx
        return x963(s + x963(s, size), size)[:n]

    @classmethod
    def open(cls, platform, session, godh, policy):
        nonce, wrap, iv, wmac, smac = struct.unpack_from("<16s32s16s32s32s", session)
        ms = session[292:548]
        same(ms[129:], bytes(127), "padding of ms_enc")
        same(ms[0], 4, "first byte of ms_enc")
        text = der(0x30, der_int(int.from_bytes(ms[1:33], "big")) +
                   der_int(int.from_bytes(ms[33:65], "big")) + der(4, ms[65:97]) + der(4, ms[97:129]))
        master = run("openssl", "pkeyutl", "-decrypt", "-keyform", "DER", "-inkey",
                     path(platform + "/pdh.key"), "-in", put("x.enc", text))
        same(len(master), 32, "length of the master secret")
        kek, kik = cls.kdf(master, 32, "csv-kek"), cls.kdf(master, 32, "csv-kik")
        same(wmac, cls.mac(kik, iv + wrap), "WRAP_MAC")
        tk = cls.ctr(kek[:16], iv, wrap)
        same(smac, cls.mac(tk[16:], struct.pack("<I", policy) + session[292:708]), "SESSION_MAC")
        sig = session[708:740] + bytes(40) + session[740:772] + bytes(40)
        ec_verify(godh.public(), 3, "GUEST_USER_ID", session[:708], sig)
        return tk


# ---- What is checked ---------------------------------------------------------------------

def check_chain(alg, platform):
    run(PSP, "make", path(platform), alg.name)
    pdh = Cert(get(platform + "/pdh.cert"))
    raw = get(platform + "/cert_chain.cert")
    pek, oca, cek = [Cert(raw[i:i + 2084]) for i in (0, 2084, 4168)]
    same([c.usage for c in (pdh, pek, oca, cek)], [0x1003, 0x1002, 0x1001, 0x1004], "usages")
    for cert, signer, usage in ((pdh, pek, 0x1002), (pek, oca, 0x1001), (pek, cek, 0x1004),
                                (oca, oca, 0x1001)):
        ec_verify(signer.public(), signer.curve, signer.uid, cert.raw[:0x414], cert.slot(usage))
    roots = get(platform + "/ask_ark.cert")
    same(len(roots), 1664, "roots")
    ask, ark = roots[:832], roots[832:]
    for ca in (ask, ark):
        same(ca[20:36], ark[4:20], "certifying id")
        if alg is Sev:
            rsa_verify(num(ark[320:576]), num(ark[64:320]), ca[:576], ca[576:])
        else:
            uid = ark[214:214 + num(ark[212:214])].decode()
            ec_verify(spki_ec(3, num(ark[68:140]), num(ark[140:212])), 3, uid, ca[:576], ca[576:720])
    if alg is Sev:
        rsa_verify(num(ask[320:576]), num(ask[64:320]), cek.raw[:0x414], cek.slot(0x13)[:256])
    else:
        uid = ask[214:214 + num(ask[212:214])].decode()
        ec_verify(spki_ec(3, num(ask[68:140]), num(ask[140:212])), 3, uid, cek.raw[:0x414],
                  cek.slot(0x13))
    run(ATTEST, "platform", "--soft", path(platform), "--allow-soft")


def guid(text):
    a, b, c, d, e = text.split("-")
    return bytes.fromhex(a)[::-1] + bytes.fromhex(b)[::-1] + bytes.fromhex(c)[::-1] + \
        bytes.fromhex(d + e)


def hash_table(kernel, initrd, cmdline):
    entry = lambda g, data: guid(g) + struct.pack("<H", 50) + hashlib.sha256(data).digest()
    body = entry("97d02dd8-bd20-4c94-aa78-e7714d36ab2a", cmdline + b"\0") + \
        entry("44baf731-3a2f-4bd7-9af1-41e29169781d", initrd) + \
        entry("4de79437-abd2-427f-b835-d5b172d2045b", kernel)
    return guid("9438d606-4f22-4cc9-b479-a793d411fd21") + struct.pack("<H", 168) + body + bytes(8)


def vmsa(start, sig, legacy):
    page = bytearray(4096)
    for i, (sel, attr) in enumerate([(0, 0x93), (0xf000, 0x9b)] + [(0, 0x93)] * 4 +
                                    [(0, 0), (0, 0x82), (0, 0), (0, 0x8b)]):
        struct.pack_into("<HHIQ", page, 16 * i, sel, attr, 0xffff, 0)
    struct.pack_into("<Q", page, 0x18, start & 0xffff0000)
    for off, v in ((0xd0, 0x1000), (0x148, 0x40), (0x158, 0x10), (0x160, 0x400),
                   (0x168, 0xffff0ff0), (0x170, 2), (0x178, start & 0xffff),
                   (0x268, 0x0007040600070406), (0x310, sig), (0x3e8, 1)):
        struct.pack_into("<Q", page, off, v)
    if not legacy:
        struct.pack_into("<I", page, 0x408, 0x1f80)
        struct.pack_into("<H", page, 0x410, 0x37f)
    return bytes(page)


def random_bytes(low, high):
    return rng.randbytes(rng.randrange(low, high))


def firmware(ap_reset):
    table = struct.pack("<I", ap_reset) + struct.pack("<H", 22) + \
        guid("00f771de-1a7e-4fcb-890e-68c77e2fb44e")
    table += struct.pack("<IIH", 0x810c00, 0x400, 26) + guid("7255371f-3a3b-4b04-927b-1da6efa8d454")
    table += struct.pack("<H", len(table) + 18) + guid("96b582de-1fb2-45f7-baea-a366c55a082d")
    return random_bytes(1, 100000) + table + rng.randbytes(32)


class Launch:
    """Random files, and what a launch with them measures."""

    def __init__(self, alg, es):
        self.alg, self.es = alg, es
        ap = rng.randrange(1 << 32)
        fw = firmware(ap)
        data = fw
        self.args = ["--firmware", put("fw", fw)]
        if rng.random() < 0.8:
            kernel, initrd = random_bytes(0, 50000), random_bytes(0, 9000)
            cmdline = "".join(rng.choice("abc =/é\"") for _ in range(rng.choice((0, 1, 40, 2000))))
            self.args += ["--kernel", put("kernel", kernel)]
            if rng.random() < 0.5:
                self.args += ["--initrd", put("initrd", initrd)]
            else:
                initrd = b""
            if cmdline or rng.random() < 0.5:
                self.args += ["--cmdline", cmdline]
            data += hash_table(kernel, initrd, cmdline.encode())
        self.datas = [data]
        if es:
            sig, n = rng.randrange(1, 1 << 28), rng.randrange(1, 5)
            self.args += ["--cpu-sig", hex(sig), "--vcpus", str(n)]
            self.datas = [data + vmsa(0xfffffff0, sig, legacy) + vmsa(ap, sig, legacy) * (n - 1)
                          for legacy in (False, True)]
        self.digests = [alg.hash(d) for d in self.datas]


def check_launch(alg, platform, es):
    policy = rng.randrange(1 << 32) & ~4 | (4 if es else 0)
    owner = platform + "-owner-%x" % rng.randrange(1 << 60)
    launch = Launch(alg, es)
    run(ATTEST, "session", "--soft", path(platform), "--allow-soft", "--policy", str(policy), "--out",
        path(owner))
    session = base64.b64decode(get(owner + "/session.b64"), validate=False)
    godh = Cert(base64.b64decode(get(owner + "/godh.b64"), validate=False))
    same(len(session), alg.session_len, "session length")
    same((godh.version, godh.usage), (1, 0x1003), "GODH version and usage")
    tk = alg.open(platform, session, godh, policy)
    same(get(owner + "/tek.bin") + get(owner + "/tik.bin"), tk, "TEK and TIK")
    tek, tik = tk[:16], tk[16:]

    version = [rng.randrange(256) for _ in range(3)]
    mnonce = rng.randbytes(16)
    args = launch.args + ["--session", path(owner)] + [a for pair in zip(
        ("--api-major", "--api-minor", "--build"), map(str, version)) for a in pair]
    shown = json.loads(run(ATTEST, "measure", "--json", "--mnonce", mnonce.hex(), *args))
    measures = [alg.mac(tik, bytes([4] + version) + struct.pack("<I", policy) + d + mnonce)
                for d in launch.digests]
    same(shown["launch-digest"], launch.digests[0].hex(), "launch digest")
    same(shown["measurement"], measures[0].hex(), "measurement")
    if es:
        same(shown["launch-digest-legacy"], launch.digests[1].hex(), "legacy launch digest")
        same(shown["measurement-legacy"], measures[1].hex(), "legacy measurement")
    same(shown["policy"], policy, "policy")

    for m in measures:
        blob = m + mnonce
        text = base64.b64encode(blob).decode()
        for given in (text, put("m.bin", blob), put("m.b64", text.encode() + b"\n")):
            run(ATTEST, "verify", "--allow-soft", "--measurement", given, *args)
        bad = bytearray(blob)
        bad[rng.randrange(48)] ^= 1 << rng.randrange(8)
        p = run(ATTEST, "verify", "--allow-soft", "--measurement", put("bad.bin", bytes(bad)), *args,
                ok=False)
        same(p.returncode, 6, "status for a flipped bit")
    check_secret(alg, owner, tek, tik, measures[0], mnonce)


def check_secret(alg, owner, tek, tik, measure, mnonce):
    entries, args, body = {}, [], b""
    for i in range(rng.randrange(1, 6)):
        g = "%08x-%04x-%04x-%04x-%012x" % tuple(rng.randrange(1 << n) for n in (32, 16, 16, 16, 48))
        if rng.random() < 0.5:
            value = random_bytes(0, 1500)
            args += ["--entry", "%s=@%s" % (g, put("value%d" % i, value))]
        else:
            value = b"text = value " + str(i).encode()
            args += ["--entry", "%s=%s" % (g, value.decode())]
        body += guid(g) + struct.pack("<I", 20 + len(value)) + value
    table = guid("1e74f542-71dd-4d66-963e-ef4287ff173b") + struct.pack("<I", 20 + len(body)) + body
    table += bytes(-len(table) % 16)
    flags = rng.choice((0, 2))
    run(ATTEST, "secret", "--session", path(owner), "--measurement",
        base64.b64encode(measure + mnonce).decode(), "--flags", str(flags), "--out", path(owner), *args)
    header = base64.b64decode(get(owner + "/header.b64"), validate=False)
    ct = base64.b64decode(get(owner + "/secret.b64"), validate=False)
    seen_flags, iv, mac = struct.unpack("<I16s32s", header)
    same(seen_flags, flags, "flags")
    same(alg.ctr(tek, iv, ct), table, "table")
    n = struct.pack("<I", len(ct))
    same(mac, alg.mac(tik, b"\1" + header[:20] + n + n + ct + measure), "packet MAC")
    same(run(PSP, "unwrap", alg.name, tek.hex(), tik.hex(), measure.hex(), path(owner + "/header.b64"),
             path(owner + "/secret.b64")), table, "table as the processor unwraps it")


def check_report(alg, platform):
    digest, mnonce, policy = rng.randbytes(32), rng.randbytes(16), rng.randrange(1 << 32)
    file = path("report")
    run(PSP, "report", path(platform), digest.hex(), hex(policy), mnonce.hex(), file)
    raw = get("report")
    same(raw[:52], mnonce + digest + struct.pack("<I", policy), "fields of the report")
    pek = Cert(get(platform + "/cert_chain.cert")[:2084])
    ec_verify(pek.public(), pek.curve, pek.uid, raw[:52], raw[64:])
    out = json.loads(run(ATTEST, "report", "--soft", path(platform), "--allow-soft", "--report", file,
                         "--json", "--mnonce", mnonce.hex(), "--digest", digest.hex(), "--policy",
                         str(policy)))
    same((out["launch-digest"], out["policy"], out["verified"]), (digest.hex(), policy, True), "report")
    for i in (0, 20, 50, 70, 140):
        bad = bytearray(raw)
        bad[i] ^= 1
        p = run(ATTEST, "report", "--soft", path(platform), "--allow-soft", "--report",
                put("bad", bytes(bad)), ok=False)
        same(p.returncode, 6, "status for a flipped bit at %d" % i)


def check_csv_report(platform):
    digest, mnonce, policy = rng.randbytes(32), rng.randbytes(16), rng.randrange(1 << 32)
    run(PSP, "csv-report", path(platform), digest.hex(), hex(policy), mnonce.hex(), path("report"))
    raw = get("report")
    anonce = raw[0xbc:0xc0]
    plain = bytes(b ^ anonce[i % 4] for i, b in enumerate(raw))
    same((plain[0x80:0x90], plain[0x90:0xb0]), (mnonce, digest), "fields of the report")
    same(plain[0x150:0x150 + 2084], get(platform + "/cert_chain.cert")[:2084], "PEK in the report")
    same(raw[0x9d4:0x9f4], Csv.mac(mnonce, raw[0x150:0x9d4]), "MAC of the report")
    pek = Cert(plain[0x150:0x150 + 2084])
    ec_verify(pek.public(), 3, pek.uid, raw[:0xb4], raw[0xc0:0x150])
    page = put("report.page", raw + bytes(4096 - len(raw)))
    out = json.loads(run(ATTEST, "report", "--soft", path(platform), "--allow-soft", "--report", page,
                         "--json", "--digest", digest.hex()))
    same((out["serial"], out["policy"]), ("SERIAL0001", policy), "report")


def main():
    print("# seed %d" % SEED)
    for alg in (Sev, Csv):
        p = alg.name + "-platform"
        check("%s: certificates and roots verify with openssl" % alg.name, lambda: check_chain(alg, p))
        for i in range(ROUNDS):
            es = i % 2 == 1
            check("%s%s: session, measurement, secret %d" % (alg.name, " with ES" if es else "", i),
                  lambda: check_launch(alg, p, es))
        check("%s: report of the host" % alg.name, lambda: check_report(alg, p))
    check("csv: report of the guest", lambda: check_csv_report("csv-platform"))
    print("1..%d" % len(results))
    return 1 if "not ok" in results else 0


sys.exit(main())
