"""A fuzz test: a function over bytes, and a corpus of inputs that once were, or may be, trouble."""

def cc_fuzz_test(name, corpus, deps = [], **kwargs):
    """Declares a test that calls LLVMFuzzerTestOneInput with each file of its corpus.

    Under --config=fuzz it is a libFuzzer program instead; run it as
    `bazel run --config=fuzz //lib/json:parse_fuzz -- -max_total_time=60`.

    Args:
      name: the target, by convention ending in _fuzz
      corpus: files, usually glob(["fuzz_corpus/NAME/*"])
      deps: what the function under test needs
      **kwargs: as for cc_test
    """
    native.cc_test(
        name = name,
        args = select({
            "//lib/third_party/fuzzing:with_libfuzzer": [],
            "//conditions:default": ["$(locations %s)" % file for file in corpus],
        }),
        data = corpus,
        linkopts = select({
            "//lib/third_party/fuzzing:with_libfuzzer": ["-fsanitize=fuzzer"],
            "//conditions:default": [],
        }),
        deps = deps + select({
            "//lib/third_party/fuzzing:with_libfuzzer": [],
            "//conditions:default": ["//lib/third_party/fuzzing:replay_main"],
        }),
        **kwargs
    )
