/* The network with one filter as plain loops: forward, backward and a step of gradient descent.
   What a machine makes of the mathematics when nothing stands between the two but a compiler. */

#include <math.h>
#include <stdint.h>
#include <string.h>

enum { IMAGE = 28, MAP = 26, POOLED = 13, P = POOLED * POOLED, H = 40, C = 10 };

typedef struct {          /* the layout of cnn.Parameters.vector */
    float filter[9], filter_bias;
    struct { float weights[P], bias; } hidden[H];
    struct { float weights[H], bias; } output[C];
} Parameters;

/* Add one image's gradients; return its loss, and count it if it is classified rightly. */
static float learn(const Parameters *w, Parameters *gradient, const uint8_t *pixels, int label,
                   int64_t *right)
{
    float x[IMAGE][IMAGE], map[MAP][MAP], pooled[P], a1[H], p[C], delta1[H], delta0[P];
    int winner[P];

    for (int i = 0; i < IMAGE; i++)
        for (int j = 0; j < IMAGE; j++)
            x[i][j] = pixels[i * IMAGE + j] / 255.0f;

    for (int i = 0; i < MAP; i++)
        for (int j = 0; j < MAP; j++) {
            float z = w->filter_bias;
            for (int u = 0; u < 3; u++)
                for (int v = 0; v < 3; v++)
                    z += w->filter[3 * u + v] * x[i + u][j + v];
            map[i][j] = z > 0 ? z : 0;
        }

    for (int i = 0; i < POOLED; i++)
        for (int j = 0; j < POOLED; j++) {
            int best = 2 * i * MAP + 2 * j;
            for (int u = 0; u < 2; u++)
                for (int v = 0; v < 2; v++) {
                    int at = (2 * i + u) * MAP + 2 * j + v;
                    if ((&map[0][0])[at] > (&map[0][0])[best]) best = at;
                }
            winner[i * POOLED + j] = best;
            pooled[i * POOLED + j] = (&map[0][0])[best];
        }

    for (int i = 0; i < H; i++) {
        float z = w->hidden[i].bias;
        for (int j = 0; j < P; j++) z += w->hidden[i].weights[j] * pooled[j];
        a1[i] = z > 0 ? z : 0;
    }

    float most = -INFINITY, sum = 0;
    int says = 0;
    for (int c = 0; c < C; c++) {
        p[c] = w->output[c].bias;
        for (int i = 0; i < H; i++) p[c] += w->output[c].weights[i] * a1[i];
        if (p[c] > most) { most = p[c]; says = c; }
    }
    float score = p[label];
    for (int c = 0; c < C; c++) sum += p[c] = expf(p[c] - most);
    for (int c = 0; c < C; c++) p[c] /= sum;
    *right += says == label;

    p[label] -= 1; /* delta2 from here on */
    memset(delta1, 0, sizeof delta1);
    for (int c = 0; c < C; c++) {
        for (int i = 0; i < H; i++) {
            gradient->output[c].weights[i] += p[c] * a1[i];
            delta1[i] += w->output[c].weights[i] * p[c];
        }
        gradient->output[c].bias += p[c];
    }

    memset(delta0, 0, sizeof delta0);
    for (int i = 0; i < H; i++) {
        if (a1[i] <= 0) continue;
        for (int j = 0; j < P; j++) {
            gradient->hidden[i].weights[j] += delta1[i] * pooled[j];
            delta0[j] += w->hidden[i].weights[j] * delta1[i];
        }
        gradient->hidden[i].bias += delta1[i];
    }

    for (int j = 0; j < P; j++) {
        if (pooled[j] <= 0) continue;
        int row = winner[j] / MAP, column = winner[j] % MAP;
        for (int u = 0; u < 3; u++)
            for (int v = 0; v < 3; v++)
                gradient->filter[3 * u + v] += delta0[j] * x[row + u][column + v];
        gradient->filter_bias += delta0[j];
    }
    return logf(sum) + most - score;
}

/* Train some steps; the images of step t stand at order[starts[t]] to before order[starts[t + 1]]. */
void train(Parameters *w, const uint8_t *images, const int64_t *labels, const int64_t *order,
           const int64_t *starts, int64_t steps, float rate, float *losses, int64_t *right)
{
    Parameters gradient;
    float *weights = (float *)w, *gradients = (float *)&gradient;
    for (int64_t t = 0; t < steps; t++) {
        float loss = 0, batch = (float)(starts[t + 1] - starts[t]);
        memset(&gradient, 0, sizeof gradient);
        right[t] = 0;
        for (int64_t n = starts[t]; n < starts[t + 1]; n++)
            loss += learn(w, &gradient, images + order[n] * IMAGE * IMAGE, (int)labels[order[n]],
                          right + t);
        for (size_t k = 0; k < sizeof gradient / sizeof(float); k++)
            weights[k] -= rate / batch * gradients[k];
        losses[t] = loss / batch;
    }
}
