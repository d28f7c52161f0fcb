"""Test files that the base install is enough for: no torch, no Lava, any Python from 3.10 on."""

BASE_PACKAGES = frozenset(
    [
        *("h5py", "jinja2", "joblib", "jsonargparse", "numba", "numpy", "rich", "yaml"),
        *("docstring_parser", "llvmlite"),  # jsonargparse and numba bring them.
        *("hypothesis", "pytest"),
    ]
)
"""What the base install brings, and what tests are written with."""

BASE_FILES = (
    "test_bill.py",
    "test_chip_needs.py",
    "test_cost_tables.py",
    "test_counting.py",
    "test_data_augmentation.py",
    "test_event_file.py",
    "test_events.py",
    "test_golden.py",
    "test_inspection.py",
    "test_lavadl_vectors.py",
    "test_learning.py",
    "test_learning_lines.py",
    "test_learning_online.py",
    "test_learning_operations.py",
    "test_learning_session.py",
    "test_loihi2.py",
    "test_names.py",
    "test_network.py",
    "test_neuron_files.py",
    "test_neurons.py",
    "test_prefixes.py",
    "test_profile.py",
    "test_profile_charts.py",
    "test_profile_page.py",
    "test_random_networks.py",
    "test_reader.py",
    "test_recording_file.py",
    "test_results.py",
    "test_run.py",
    "test_simulators_decisions.py",
    "test_simulators_softmax.py",
    "test_stock.py",
    "test_stream.py",
    "test_tables.py",
    "test_training_seeds.py",
    "test_writer.py",
)

NEED_MORE_WHEN_THEY_RUN = {
    "test_base_install.py": "it is what runs the others",
    "test_bench.py": "its peers are torch and Lava",
    "test_bench_learning.py": "every test needs Lava",
    "test_cli_export.py": "NIR files need nir",
    "test_cli.py": "options of the training verbs are shown where torch is",
    "test_cli_learn.py": "curves are drawn by matplotlib",
    "test_cli_learn_stream.py": "curves are drawn by matplotlib",
    "test_fast.py": "a minute of random networks, which .venv runs",
    "test_faults.py": "kills processes, which has nothing to do with the Python that runs them",
    "test_fuzz_netx.py": "a minute of damaged files, which .venv runs",
    "test_lava_backend.py": "every test needs Lava",
    "test_lava_counts.py": "nearly every test needs Lava",
    "test_lava_oracle.py": "every test needs Lava",
    "test_learning_kills.py": "kills processes, which has nothing to do with the Python that runs them",
    "test_learning_lava.py": "every test needs Lava",
    "test_learning_lava_float.py": "every test needs Lava",
    "test_many.py": "the cluster is dask",
    "test_memory.py": "half a minute of measuring, which .venv does",
    "test_process_guard.py": "kills processes, which has nothing to do with the Python that runs them",
    "test_readme.py": "the README trains a network",
}
