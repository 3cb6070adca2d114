# The relay: built with everything, shipped with production dependencies only, run by nobody.
# Context is the repository's root: docker build -f deploy/docker/relay.Dockerfile -t voice-jib-jab-relay .

FROM node:24.21-alpine AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN node scripts/build.mjs

FROM node:24.21-alpine AS production
WORKDIR /production
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund
# What reports errors and traces is optional for the package and part of the image, in the versions of the lock.
RUN npm install --no-save --save-prod --omit=dev --ignore-scripts --no-audit --no-fund $(node -p "const { packages } = require('./package-lock.json'); Object.keys(packages[''].peerDependencies).map((name) => name + '@' + packages['node_modules/' + name].version).join(' ')")
# What the relay never loads goes: packages that npm keeps because development has them, and a program for builds
# that is not under an open licence.
RUN rm -rf node_modules/typescript node_modules/zod node_modules/sentry node_modules/rollup node_modules/@rollup node_modules/@types/estree

FROM node:24.21-alpine
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 DATA_DIR=/data
WORKDIR /relay
RUN mkdir -p /data && chown node:node /data
COPY --from=production /production/node_modules ./node_modules
COPY --from=build /build/dist ./dist
COPY package.json LICENSE THIRD-PARTY-LICENCES.md ./
USER node
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 CMD node -e "fetch('http://127.0.0.1:'+process.env.PORT+(process.env.HEALTH_CHECK_PATH||'/health')).then(r=>process.exit(r.ok?0:1),()=>process.exit(1))"
STOPSIGNAL SIGTERM
CMD ["node", "dist/relay/main.js"]
