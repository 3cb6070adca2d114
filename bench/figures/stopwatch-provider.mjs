/**
 * A model provider that does nothing but look at the clock: it speaks just enough of the realtime
 * protocol for the relay to hold a session, notes when each piece of the user's sound arrives, and
 * answers at once with sound that is ready made.
 */
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

const RATE_HZ = 24_000;

/** A tone loud enough to be audible, `ms` long, as base64 PCM16. */
function tone(ms) {
  const samples = new Int16Array((RATE_HZ * ms) / 1000);
  for (let i = 0; i < samples.length; i++) samples[i] = Math.round(8000 * Math.sin((2 * Math.PI * 220 * i) / RATE_HZ));
  return Buffer.from(samples.buffer).toString('base64');
}

/**
 * @param onAppend called with the decoded bytes of each `input_audio_buffer.append` and its time.
 * @returns `commit()`: ends the user's turn on every session; resolves with the times of one answer.
 */
export async function startStopwatchProvider({ onAppend } = {}) {
  // Beside the socket only what policy asks: nothing that is said here is forbidden.
  const http = createServer((request, response) => {
    request.resume().on('end', () => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({
          id: 'modr',
          model: 'none',
          results: [{ flagged: false, categories: {}, category_scores: {} }],
        }),
      );
    });
  });
  const server = new WebSocketServer({ server: http, perMessageDeflate: false, maxPayload: 16 << 20 });
  await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
  const sockets = new Set();
  let ids = 0;
  const delta = tone(200);

  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.times = {};
    socket.on('close', () => sockets.delete(socket));
    const send = (event) => socket.send(JSON.stringify({ event_id: `event_${ids++}`, ...event }));
    send({ type: 'session.created', session: { id: 'sess_bench', object: 'realtime.session', type: 'realtime' } });
    socket.on('message', (data) => {
      const now = performance.now();
      const text = data.toString();
      if (text.startsWith('{"type":"input_audio_buffer.append"') || text.includes('"input_audio_buffer.append"')) {
        onAppend?.(Buffer.from(JSON.parse(text).audio, 'base64'), now);
        return;
      }
      const event = JSON.parse(text);
      if (event.type === 'session.update') {
        send({ type: 'session.updated', session: { id: 'sess_bench', object: 'realtime.session', ...event.session } });
      } else if (event.type === 'response.create') {
        socket.times.created = now;
        const response = {
          id: `resp_${ids++}`,
          object: 'realtime.response',
          status: 'in_progress',
          output: [],
          metadata: event.response?.metadata ?? null,
          usage: null,
        };
        const outOfBand = event.response?.conversation === 'none';
        const item = {
          id: `item_${ids++}`,
          object: 'realtime.item',
          type: 'message',
          role: 'assistant',
          status: 'in_progress',
          content: [],
        };
        const at = { response_id: response.id, item_id: item.id, output_index: 0, content_index: 0 };
        send({ type: 'response.created', response });
        send({ type: 'response.output_item.added', response_id: response.id, output_index: 0, item });
        if (!outOfBand) send({ type: 'conversation.item.added', previous_item_id: null, item });
        send({ type: 'response.content_part.added', ...at, part: { type: 'audio', transcript: '' } });
        send({
          type: 'response.output_audio_transcript.delta',
          ...at,
          delta: 'This is the answer that the stopwatch gives to every question.',
        });
        if (!outOfBand) socket.times.firstDelta = performance.now();
        for (let i = 0; i < (outOfBand ? 2 : 5); i++) send({ type: 'response.output_audio.delta', ...at, delta });
        send({ type: 'response.output_audio.done', ...at });
        send({
          type: 'response.output_audio_transcript.done',
          ...at,
          transcript: 'This is the answer that the stopwatch gives to every question.',
        });
        const done = {
          ...item,
          status: 'completed',
          content: [
            { type: 'output_audio', transcript: 'This is the answer that the stopwatch gives to every question.' },
          ],
        };
        if (!outOfBand) send({ type: 'conversation.item.done', previous_item_id: null, item: done });
        send({ type: 'response.output_item.done', response_id: response.id, output_index: 0, item: done });
        send({
          type: 'response.done',
          response: {
            ...response,
            status: 'completed',
            output: [done],
            usage: { total_tokens: 30, input_tokens: 10, output_tokens: 20 },
          },
        });
      }
    });
  });

  return {
    url: `http://127.0.0.1:${http.address().port}/v1`,
    wsUrl: `ws://127.0.0.1:${http.address().port}`,
    get sessions() {
      return sockets.size;
    },
    /** Says on every session that the user spoke for a third of a second and is done. */
    async commit() {
      const turns = [...sockets].map((socket) => ({ socket, id: `item_${ids++}` }));
      const tell = (socket, event) => socket.send(JSON.stringify({ event_id: `event_${ids++}`, ...event }));
      for (const { socket, id } of turns) {
        tell(socket, { type: 'input_audio_buffer.speech_started', audio_start_ms: 0, item_id: id });
      }
      await new Promise((resolve) => setTimeout(resolve, 330));
      for (const { socket, id } of turns) {
        const item = {
          id,
          object: 'realtime.item',
          type: 'message',
          role: 'user',
          status: 'completed',
          content: [{ type: 'input_audio', transcript: null }],
        };
        const send = (event) => tell(socket, event);
        send({ type: 'input_audio_buffer.speech_stopped', audio_end_ms: 330, item_id: id });
        send({ type: 'conversation.item.added', previous_item_id: null, item });
        send({ type: 'conversation.item.done', previous_item_id: null, item });
        socket.times = { committed: performance.now() };
        send({ type: 'input_audio_buffer.committed', previous_item_id: null, item_id: item.id });
      }
    },
    times: () => [...sockets].map((socket) => socket.times),
    close: () => {
      for (const socket of sockets) socket.terminate();
      server.close();
      http.closeAllConnections();
      return new Promise((resolve) => http.close(resolve));
    },
  };
}
