# Kleis on Node in a container. Build: docker build -t kleis .   Run: see docs/deploy/container.md.

FROM node:24-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
# The image brings its own Node, so that no package's install script is needed.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund
COPY tsconfig.json ./
COPY scripts scripts
COPY public public
COPY src src
COPY adapters adapters
RUN node scripts/build-image.mjs /image

FROM node:24-slim
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=4747 \
    KLEIS_DATA_DIR=/data
RUN mkdir /data && chown node:node /data && chmod 0700 /data
COPY --from=build /image /kleis
WORKDIR /kleis
USER node
VOLUME /data
EXPOSE 4747
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT.replace(/\\D/g, '') || 4747}/healthz`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# What `npm start` ends in.
CMD ["node", "dist/server.mjs"]
