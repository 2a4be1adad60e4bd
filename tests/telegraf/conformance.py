#!/usr/bin/env python3
"""Runs all recorded cases whose plugins this agent has, by the four drivers beside this file.

usage: conformance.py --agent target/debug/agent [--only SUBSTR ...] [-j N] [-v]

A case that uses a plugin or format of Telegraf's that is not built here is counted as "not here". `differences.txt` names the
cases that differ on purpose, each with its reason; one of them that passes is an error, too, so that the list stays true.
"""
import argparse, os, pathlib, re, subprocess, sys
from concurrent.futures import ThreadPoolExecutor

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE)); sys.dont_write_bytecode = True
import network, outputs, run, sinks

TABLE = re.compile(r'^\s*\[\[?\s*(inputs|outputs|processors|aggregators|secretstores)\s*\.\s*"?(\w+)"?\s*\]', re.M)
FORMAT = re.compile(r'^\s*data_format\s*=\s*"(\w+)"', re.M)
DEFAULTS = {'inputs.exec': 'json'}


def used(text):
    """The plugins and formats of a configuration."""
    names, spots = set(), [(m.start(), m) for m in TABLE.finditer(text)]
    for i, (at, m) in enumerate(spots):
        plugin = f'{m[1]}.{m[2]}'; names.add(plugin)
        part = text[at:spots[i + 1][0] if i + 1 < len(spots) else len(text)]
        fmt = FORMAT.search(part)
        name = fmt[1] if fmt else DEFAULTS.get(plugin)
        if name: names.add(('serializers.' if m[1] == 'outputs' else 'parsers.') + name)
    return names


def cases():
    """(id, configuration, may be about unknown plugins, how to check it with an agent)"""
    for conf in sorted(HERE.glob('*/*/telegraf.conf')):
        case = conf.parent
        mode = run.read(case, 'mode').strip()
        if mode: yield f'{case.parent.name}/{case.name}', conf.read_text(errors='replace'), mode == 'err', lambda agent, case=case: run.why_not(agent, case, 30)
    for driver, text in (
        (network, lambda c: c['conf'] + '\n[[outputs.file]]\n'),
        (outputs, lambda c: outputs.config(c)),
        (sinks, lambda c: c['conf'] + ('\n[[inputs.file]]\n' + c['fmt'] if c['data'] else '') + ('\n[[inputs.tail]]\n' if any(a[0] == 'feed' for a in c['do']) else '')),
    ):
        for name, case in driver.TABLE.items():
            def check(agent, driver=driver, case=case): return driver.check(agent, case)
            yield f'{driver.__name__}/{name}', text(case), bool(case.get('err')), check


def main():
    ap = argparse.ArgumentParser(); ap.add_argument('--agent', required=True); ap.add_argument('--only', action='append', default=[])
    ap.add_argument('-j', type=int, default=4); ap.add_argument('-v', action='store_true'); args = ap.parse_args()
    agent = os.path.abspath(args.agent)
    known = set(subprocess.run([agent, 'plugins'], capture_output=True, text=True, check=True).stdout.split())
    everything = [(name, used(conf), err, check) for name, conf, err, check in cases()]
    # What a case uses that is no mistake on purpose is a plugin of Telegraf's.
    telegrafs = {plugin for _, plugins, err, _ in everything if not err for plugin in plugins}
    on_purpose = {}
    for line in (HERE / 'differences.txt').read_text().splitlines():
        if line.strip() and not line.startswith('#'): name, reason = line.split(':', 1); on_purpose[name.strip()] = reason.strip()
    todo, absent = [], 0
    for name, plugins, err, check in everything:
        if args.only and not any(o in name for o in args.only): continue
        if (plugins - known) & telegrafs: absent += 1
        else: todo.append((name, check))

    def one(item):
        try: return item[1](agent)
        except Exception as e: return f'the driver failed: {e!r}'
    with ThreadPoolExecutor(args.j) as pool: results = list(pool.map(one, todo))
    passed = failed = 0
    for (name, _), why in zip(todo, results):
        if why is None and not name.startswith(tuple(f'{d.__name__}/' for d in (network, outputs, sinks))): why = ''
        if why is None: absent += 1; continue       # nothing was recorded for it
        wrong = bool(why) != (name in on_purpose)
        passed += not wrong; failed += wrong
        if wrong: print('FAIL', name, (why or 'passes, but differences.txt says: ' + on_purpose[name])[:900 if args.v else 160])
    print(f'{len(on_purpose)} differ on purpose, {absent} are of plugins that are not here')
    print(f'{passed} passed, {failed} failed')
    sys.exit(1 if failed or not passed else 0)


if __name__ == '__main__': main()
