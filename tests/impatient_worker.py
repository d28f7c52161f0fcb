"""A Lava worker that ends after a moment without a job."""

from lapilli.simulators.lava.worker import load_lava, serve

if __name__ == "__main__":
    serve(load_lava, idle_s=0.3)
