# Watch it learn, for a class: docs/serving.md says how it is run.
FROM python:3.11-slim

# The app runs as a plain user, who owns nothing but a home and the cache folder in it.
RUN useradd --create-home --uid 10001 learner
WORKDIR /app
COPY requirements.txt requirements-cluster.txt ./
# With --build-arg CLUSTER=1 also Dask, for sweeps on a cluster.
ARG CLUSTER
RUN pip install --no-cache-dir -r requirements${CLUSTER:+-cluster}.txt
COPY . .
USER learner
# Made here, so that a volume mounted there belongs to the same user.
RUN mkdir /home/learner/cache

# Everybody who reaches the container may come: what else is let in is decided in front of it.
# Protection against requests forged by other sites stays on, as Streamlit has it. Without a name
# for itself (BROWSER_SERVER_ADDRESS) it would ask the internet for its address at the start.
# With one heap, for all threads and for all of Python's objects, memory comes back when a class has
# left.
ENV MALLOC_ARENA_MAX=1 \
    PYTHONMALLOC=malloc \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0 \
    STREAMLIT_SERVER_PORT=8501 \
    STREAMLIT_SERVER_HEADLESS=true \
    STREAMLIT_BROWSER_SERVER_ADDRESS=localhost \
    WATCH_IT_LEARN_ALLOW_PATHS=0 \
    WATCH_IT_LEARN_CACHE=/home/learner/cache
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ.get(\"STREAMLIT_SERVER_PORT\", 8501)}/_stcore/health', timeout=4)"]
CMD ["streamlit", "run", "app.py"]
