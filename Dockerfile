# syntax=docker/dockerfile:1
# Letterhead in a container: one binary, no shell, not root.
#
# Built on Debian 12 because it runs on Debian 12: the same glibc on both sides.

FROM rust:1.95-bookworm AS build
WORKDIR /source
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/source/target \
    cargo build --locked --release --package letterhead \
    && install -D target/release/letterhead /out/letterhead \
    && install -d /out/data

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/letterhead /usr/local/bin/letterhead
# A new volume takes its owner from the image, so that `nonroot` may write to it.
COPY --from=build --chown=nonroot:nonroot /out/data /data
ENV LETTERHEAD_DATA_DIR=/data \
    LETTERHEAD_LISTEN=0.0.0.0:8080 \
    LETTERHEAD_LOG_FORMAT=json
VOLUME /data
EXPOSE 8080
USER nonroot
ENTRYPOINT ["/usr/local/bin/letterhead"]
CMD ["serve"]
