"""Test files that run on the pinned environment too: Lava, lava-dl, and what stands on torch and Python itself."""

BOTH_ENVIRONMENTS = (
    "test_data_mel.py",
    "test_data_official_images.py",
    "test_fused_convolution.py",
    "test_fused_dynamics.py",
    "test_fused_gpu.py",
    "test_fused_multi.py",
    "test_lava_counts.py",
    "test_lavadl_vectors.py",
    "test_learning_lava.py",
    "test_lstm_export.py",
    "test_random_networks.py",
    "test_remedies.py",
    "test_slayer_export.py",
    "test_spikescr_export.py",
    "test_spikescr_gpu.py",
    "test_stock.py",
    "test_training_surrogate_gradient.py",
    "test_writer.py",
)
