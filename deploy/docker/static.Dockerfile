# What browsers fetch (script, console, demo) behind nginx, which also leads /api and /ws to the relays.
# Context is the repository's root: docker build -f deploy/docker/static.Dockerfile -t voice-jib-jab-static .

FROM node:24.21-alpine AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN node scripts/build.mjs

FROM nginx:1.28-alpine
ENV RELAY_SERVERS="server relay:3000;" LISTEN=8080
# The entry point of the image fills in ${…} of templates.
ENV NGINX_ENVSUBST_FILTER="^(RELAY_SERVERS|LISTEN|SITE_ROOT)$" SITE_ROOT=/usr/share/nginx/html
COPY deploy/docker/nginx/site.conf.template /etc/nginx/templates/default.conf.template
COPY deploy/docker/nginx/headers.conf deploy/docker/nginx/proxy.conf /etc/nginx/vjj/
COPY --from=build /build/dist/v /usr/share/nginx/html/v
COPY --from=build /build/dist/console /usr/share/nginx/html/console
COPY --from=build /build/dist/demo /usr/share/nginx/html/demo
COPY --from=build /build/dist/voice-jib-jab.js /build/dist/voice-jib-jab.classic.js /build/dist/voice-jib-jab.worklet.js /build/dist/sri.json /usr/share/nginx/html/
COPY THIRD-PARTY-LICENCES.md /usr/share/nginx/html/licences.txt
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --retries=3 CMD wget -q -O /dev/null http://127.0.0.1:8080/nginx-health
