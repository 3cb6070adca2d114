import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nextTask } from './next-task.mjs';

const task = {
  taskDefinitionArn: 'arn:aws:ecs:eu-central-1:1:task-definition/relay:7',
  revision: 7,
  status: 'ACTIVE',
  family: 'relay',
  cpu: '1024',
  containerDefinitions: [
    { name: 'relay', image: 'old:1', essential: true },
    { name: 'agent', image: 'agent:1' },
  ],
};

describe('the next task definition', () => {
  it('is the one that runs, with another image of the relay alone', () => {
    assert.deepEqual(nextTask(task, 'new:2'), {
      family: 'relay',
      cpu: '1024',
      containerDefinitions: [
        { name: 'relay', image: 'new:2', essential: true },
        { name: 'agent', image: 'agent:1' },
      ],
    });
  });

  it('is refused where there is no relay in it', () => {
    assert.throws(() => nextTask({ containerDefinitions: [] }, 'new:2'), /no container named relay/);
  });
});
