# syntax=docker/dockerfile:1

# The image holds one static binary and the public certificates: no shell, no package manager, not root.
FROM golang:1.26-bookworm AS build
WORKDIR /src
ENV GOCACHE=/cache/build GOMODCACHE=/cache/modules
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/cache go mod download
COPY . .
# GOAMD64=v1 keeps the bits of a state the same on every amd64 processor.
ENV CGO_ENABLED=0 GOAMD64=v1
RUN --mount=type=cache,target=/cache \
    go build -pgo cmd/streamlearner/streamlearner.pgo -trimpath -ldflags '-s -w' -o /out/streamlearner ./cmd/streamlearner

FROM gcr.io/distroless/static-debian12:nonroot
LABEL org.opencontainers.image.title="streamlearner" \
      org.opencontainers.image.description="Online learning beside Kafka and Redis, with a guard on the gradients" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /out/streamlearner /usr/local/bin/streamlearner
COPY LICENSE /LICENSE
USER nonroot:nonroot
EXPOSE 9600
ENTRYPOINT ["/usr/local/bin/streamlearner"]
CMD ["run", "-c", "/etc/streamlearner/config.yaml"]
