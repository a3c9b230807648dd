//! Foreign files of any bytes: an importer gives lines or a fault that names its file; it never panics, and what it gives
//! is a corpus. Whole files, files with bytes flipped, put in and taken out, and files that are made to exhaust a reader.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use route_prof::disk::Disk;
use std::path::Path;
use std::time::{Duration, Instant};

use common::Scratch;
use proptest::prelude::*;
use route_prof::corpus::Corpus;
use route_prof::corpus::import::{
    ImportError, Imported, fold, logs, mask::Mask, promptfoo, recorded, table, to_jsonl,
};

type Import = fn(&Disk, &Path) -> Result<Imported, ImportError>;

/// An importer, the name of a file of its format, and a whole one.
struct Format {
    file: &'static str,
    text: &'static str,
    import: Import,
}

fn promptfoo(disk: &Disk, path: &Path) -> Result<Imported, ImportError> {
    let graders = promptfoo::Graders {
        judge: Some("a/judge".parse().unwrap()),
        embedding: Some("a/vectors".parse().unwrap()),
    };
    promptfoo::import(disk, path, "colour", &graders)
}

fn plain_csv(disk: &Disk, path: &Path) -> Result<Imported, ImportError> {
    let name = |text: &str| Some(text.to_owned());
    let columns = table::Columns {
        prompt: "q".to_owned(),
        expected: name("a"),
        id: name("id"),
        task: None,
        weight: name("w"),
        system: None,
    };
    table::csv(disk, path, &columns)
}

const ROUTELLM_TESTS: &str = "{\"question\": \"Two and two?\", \"answer\": \"so #### 4\"}\n";

/// The two recorded benchmarks are folders: the file is one of theirs, and the others are written beside it whole.
fn zeroeval(disk: &Disk, path: &Path) -> Result<Imported, ImportError> {
    recorded::zeroeval(disk, path.parent().unwrap()).map(|recorded| recorded.imported)
}

fn routellm(disk: &Disk, path: &Path) -> Result<Imported, ImportError> {
    recorded::routellm(disk, path.parent().unwrap()).map(|recorded| recorded.imported)
}

const FORMATS: [Format; 15] = [
    Format {
        file: "config.yaml",
        text: "prompts: ['Say {{ w }}', file://p.txt]\ndefaultTest: { options: { provider: openai:gpt-5 } }\ntests:\n  - vars: { w: [a, b] }\n    threshold: 0.5\n    assert:\n      - { type: equals, value: a, weight: 2 }\n      - { type: regex, value: '^[a-z]{2,3}$' }\n      - { type: levenshtein, value: ab, threshold: 3 }\n      - { type: is-json, value: { type: array, minItems: 2, items: { type: string, pattern: 'x+' } } }\n      - { type: not-word-count, value: { min: 1, max: 3 } }\n      - { type: llm-rubric, value: 'good {{ w }}' }\n  - &t { vars: { w: 'é' }, assert: [{ type: assert-set, assert: [{ type: contains, value: x }] }] }\n  - *t\n",
        import: promptfoo,
    },
    Format {
        file: "config.json",
        text: "{\"prompts\": [\"Say {{w}}\"], \"tests\": [{\"vars\": {\"w\": \"a\"}, \"assert\": [{\"type\": \"cost\", \"threshold\": 0.1}, {\"type\": \"similar\", \"value\": \"b\"}]}]}",
        import: promptfoo,
    },
    Format {
        file: "tests.jsonl",
        text: "{\"vars\": {\"q\": \"1\"}, \"assert\": [{\"type\": \"icontains-any\", \"value\": \"a, b\"}]}\n{\"vars\": {\"q\": \"2\"}, \"metadata\": {\"k\": 3}}\n",
        import: promptfoo,
    },
    Format {
        file: "tests.csv",
        text: "q,__expected,__expected2,__threshold,__metadata:k[]\nwhat,equals: 4,\"contains-any: a, b\",0.5,\"x, y\"\n\"two\nlines\",similar(0.8):x,,,\n",
        import: promptfoo,
    },
    Format {
        file: "evals.jsonl",
        text: "{\"input\": [{\"role\": \"user\", \"content\": \"hi\"}], \"ideal\": [\"a\", \"b\"]}\n{\"input\": \"x\", \"ideal\": \"y\"}\n",
        import: table::evals,
    },
    Format {
        file: "plain.csv",
        text: "id,q,a,w\n1,\"what, then\",4,2.5\n2,\"é\r\nb\",,1e3\n",
        import: plain_csv,
    },
    Format {
        file: "litellm.jsonl",
        text: "{\"call_type\": \"acompletion\", \"messages\": [{\"role\": \"user\", \"content\": \"mail a@b.de\"}]}\n{\"messages\": \"[{\\\"role\\\": \\\"user\\\", \\\"content\\\": \\\"hi\\\"}]\"}\n",
        import: logs::litellm,
    },
    Format {
        file: "otel.json",
        text: "{\"resourceSpans\": [{\"scopeSpans\": [{\"spans\": [{\"attributes\": [{\"key\": \"gen_ai.input.messages\", \"value\": {\"stringValue\": \"[{\\\"role\\\": \\\"user\\\", \\\"parts\\\": [{\\\"type\\\": \\\"text\\\", \\\"content\\\": \\\"hi\\\"}]}]\"}}], \"events\": [{\"name\": \"gen_ai.user.message\", \"attributes\": {\"content\": \"x\"}}]}]}]}]}",
        import: logs::otel,
    },
    Format {
        file: "langfuse.json",
        text: "{\"data\": [{\"id\": \"1\", \"input\": {\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"hi\"}]}]}}, {\"input\": \"plain\"}]}",
        import: logs::langfuse,
    },
    Format {
        file: "langfuse.csv",
        text: "id,name,input,output\n1,chat,\"[{\"\"role\"\": \"\"user\"\", \"\"content\"\": \"\"hi\"\"}]\",x\n2,chat,plain,y\n",
        import: logs::langfuse,
    },
    Format {
        file: "questions.jsonl",
        text: "{\"id\": \"1\", \"task\": \"crux\", \"prompt\": \"p\", \"answer\": \"a\"}\n{\"id\": \"2\", \"task\": \"gsm\", \"prompt\": \"q\", \"answer\": \"# 3\"}\n",
        import: zeroeval,
    },
    Format {
        file: "output_claude-3-haiku-20240307.jsonl",
        text: "{\"id\": \"1\", \"output\": \"o\"}\n{\"id\": \"2\", \"output\": \"é\"}\n",
        import: zeroeval,
    },
    Format {
        file: "gsm8k_responses.csv",
        text: "prompt,mistralai/Mixtral-8x7B-Instruct-v0.1_response,gpt-4-1106-preview_response\nTwo and two?,4,\"so\n4\"\n",
        import: routellm,
    },
    Format { file: "test.jsonl", text: ROUTELLM_TESTS, import: routellm },
    Format { file: "contaminated_prompts.jsonl", text: "{\"eval_prompt\": \"x\"}\n", import: routellm },
];

/// Files of the same folder that an importer needs beside the one under test.
fn companions(scratch: &Scratch) {
    for format in FORMATS {
        scratch.write(format.file, format.text);
    }
    for model in ["claude-3-5-haiku-20241022", "claude-3-5-sonnet-20241022"] {
        scratch.write(&format!("output_{model}.jsonl"), "");
    }
    scratch.write("p.txt", "one\n---\ntwo {{ w }}");
}

/// Imports the bytes; what comes must be a corpus, and a fault must name the file.
fn holds(scratch: &Scratch, format: &Format, bytes: &[u8]) {
    scratch.write(format.file, bytes);
    let path = scratch.file(format.file);
    let begun = Instant::now();
    match (format.import)(&Disk::real(), &path) {
        Err(error) => {
            let said = error.to_string();
            assert!(said.contains(format.file), "{said}");
        }
        Ok(mut imported) => {
            for oracle in &imported.oracles {
                // Any text or none; that an oracle is good is asked of it when it is written.
                let _ = oracle.to_toml();
            }
            for skipped in &imported.skipped {
                assert!(skipped.file.contains(format.file), "{skipped:?}");
            }
            let mut mask = Mask::default();
            imported.lines.iter_mut().for_each(|line| mask.line(line));
            let (lines, _) = fold::fold(imported.lines, 0.9);
            for line in to_jsonl(&lines).lines() {
                let read: Result<route_prof::corpus::RawPrompt, _> = serde_json::from_str(line);
                assert!(read.is_ok(), "{line}: {:?}", read.err());
            }
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "{} took {:?}", format.file, begun.elapsed());
}

/// A change to a file: where (as a share of its length), what is done there, and a byte.
type Change = (f64, u8, u8);

/// Bytes that matter to a reader more often than others.
fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![
        any::<u8>(),
        proptest::sample::select(b"\0\r\n\t\"'{}[]:,-&*!|>%#0~\xef\xbb\xbf\xff\xc3".to_vec())
    ]
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    proptest::collection::vec((0.0f64..1.0, 0u8..5, byte()), 1..6)
}

fn changed(text: &str, changes: &[Change]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for (place, what, byte) in changes {
        let at = ((bytes.len() as f64 * place) as usize).min(bytes.len().saturating_sub(1));
        match what {
            _ if bytes.is_empty() => bytes.push(*byte),
            0 => bytes[at] = *byte,
            1 => bytes.insert(at, *byte),
            2 => drop(bytes.remove(at)),
            3 => bytes.truncate(at),
            // A piece twice: keys, records and brackets double.
            _ => {
                let piece = bytes[at..bytes.len().min(at + usize::from(*byte))].to_vec();
                bytes.extend(piece);
            }
        }
    }
    bytes
}

#[test]
fn every_format_imports_as_it_is_with_a_mark_with_crlf_and_without_a_last_line_break() {
    let scratch = Scratch::empty();
    companions(&scratch);
    for format in &FORMATS {
        let path = scratch.file(format.file);
        let lines = |text: &[u8]| {
            scratch.write(format.file, text);
            (format.import)(&Disk::real(), &path)
                .unwrap_or_else(|error| panic!("{}: {error}", format.file))
                .lines
        };
        let plain = lines(format.text.as_bytes());
        assert!(!plain.is_empty(), "{}", format.file);
        assert_eq!(
            lines(format!("\u{feff}{}", format.text).as_bytes()),
            plain,
            "{} with a mark",
            format.file
        );
        assert_eq!(lines(format.text.trim_end().as_bytes()), plain, "{} without its end", format.file);
        if !format.file.ends_with(".csv") {
            let crlf = format.text.replace('\n', "\r\n");
            assert_eq!(lines(crlf.as_bytes()), plain, "{} with CRLF", format.file);
        }
        scratch.write(format.file, format.text);
    }
}

#[test]
fn files_that_are_made_to_exhaust_a_reader_end_soon() {
    let scratch = Scratch::empty();
    companions(&scratch);
    let laughs: String =
        (1..12).map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 9].join(", "))).collect();
    let lists = |depth: usize| {
        let inner = "{ type: array, minItems: 100, items: ".repeat(depth);
        format!(
            "prompts: [x]\ntests:\n  - assert: [{{ type: is-json, value: {inner}{{ type: string }}{} }}]\n",
            " }".repeat(depth)
        )
    };
    let template = |text: &str| format!("prompts: ['{text}']\ntests: [{{ vars: {{ w: a }} }}]\n");
    let assertion = |text: &str| format!("prompts: [x]\ntests: [{{ assert: [{{ {text} }}] }}]\n");
    let many = (0..8).map(|n| format!("v{n}: [a, b, c, d, e, f, g, h, i, j]")).collect::<Vec<_>>().join(", ");
    let yaml = [
        format!("a0: &a0 [x, x]\n{laughs}tests: *a11\n"),
        "a: &a [*a, *a]\ntests: *a\n".to_owned(),
        format!("tests: {}{}", "[".repeat(100_000), "]".repeat(100_000)),
        format!("tests:\n{}", (0..2000).map(|n| format!("{}- \n", " ".repeat(n))).collect::<String>()),
        lists(12),
        template("{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}"),
        template("{{ \"x\" * 999999999999 }}"),
        template("{{ (w) }}"),
        template(&format!("{{{{ {}w{} }}}}", "(".repeat(50_000), ")".repeat(50_000))),
        assertion("type: levenshtein, value: a, threshold: 1.0e300"),
        assertion("type: levenshtein, value: a, threshold: -1"),
        assertion("type: latency, threshold: .nan"),
        assertion("type: word-count, value: 18446744073709551615"),
        assertion("type: word-count, value: { min: 18446744073709551615 }"),
        assertion("type: regex, value: '((a{1000}){1000}){1000}'"),
        assertion("type: regex, value: '(){1000}{1000}{1000}'"),
        assertion("type: regex, value: '(?:\\b){1000}{1000}{1000}{1000}'"),
        assertion("type: is-json, value: { type: string, pattern: '(){1000}{1000}{1000}' }"),
        assertion("type: is-json, value: { type: string, minLength: 18446744073709551615 }"),
        assertion("type: is-json, value: { type: array, minItems: 18446744073709551615 }"),
        assertion("$ref: '#/assertionTemplates/x'"),
        format!(
            "prompts: [x]\ntests: [{{ assert: [{}] }}]\n",
            "{ type: assert-set, assert: [".repeat(30) + &"]}".repeat(30)
        ),
        format!("prompts: ['{{{{ v0 }}}}']\ntests: [{{ vars: {{ {many} }} }}]\n"),
    ];
    for text in &yaml {
        holds(&scratch, &FORMATS[0], text.as_bytes());
    }
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let objects = format!("{}1{}", "{\"messages\": ".repeat(50_000), "}".repeat(50_000));
    for format in &FORMATS {
        for text in [
            &deep,
            &objects,
            &"1e999".to_owned(),
            &"\0".repeat(10_000),
            &"\"".repeat(10_001),
            &",\n".repeat(50_000),
        ] {
            holds(&scratch, format, text.as_bytes());
        }
        scratch.write(format.file, format.text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn no_importer_panics_on_a_file_that_was_changed(changes in changes()) {
        let scratch = Scratch::empty();
        companions(&scratch);
        for format in &FORMATS {
            holds(&scratch, format, &changed(format.text, &changes));
            scratch.write(format.file, format.text);
        }
    }

    #[test]
    fn no_importer_panics_on_any_bytes(bytes in proptest::collection::vec(byte(), 0..200)) {
        let scratch = Scratch::empty();
        companions(&scratch);
        for format in &FORMATS {
            holds(&scratch, format, &bytes);
            scratch.write(format.file, format.text);
        }
    }

    #[test]
    fn no_corpus_panics_and_every_fault_names_its_line(changes in changes(), bytes in proptest::collection::vec(byte(), 0..100)) {
        const CSV: &str = "id,task,prompt,expected,weight,tags,params\na,colour,\"x, y\",4,2,k;l,\"{\"\"a\"\": 1}\"\nb,colour,é,,,,\n";
        let scratch = Scratch::project();
        let config = route_prof::config::load(&Disk::real(), &scratch.file("route-prof.toml")).unwrap();
        for (name, text) in [("c.jsonl", common::CORPUS), ("c.csv", CSV)] {
            for bytes in [changed(text, &changes), bytes.clone()] {
                scratch.write(name, &bytes);
                match Corpus::open(&Disk::real(), &scratch.file(name), name, &config) {
                    Ok(corpus) => {
                        for at in 0..corpus.len() {
                            corpus.load(at).unwrap();
                        }
                    }
                    Err(error) => prop_assert!(error.to_string().contains(name), "{error}"),
                }
            }
        }
    }
}
