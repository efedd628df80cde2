/* A GL client without a screen: it prints who renders for it, clears a small picture and reads one point of it back.
 * Of EGL and OpenGL ES 2 it declares what it calls, so that it is built without their headers. */
#include <stdio.h>

typedef void *Handle;
Handle eglGetPlatformDisplay(unsigned platform, Handle native, const long *attributes);
unsigned eglInitialize(Handle display, int *major, int *minor);
unsigned eglBindAPI(unsigned api);
unsigned eglChooseConfig(Handle display, const int *attributes, Handle *configs, int size, int *count);
Handle eglCreateContext(Handle display, Handle config, Handle share, const int *attributes);
unsigned eglMakeCurrent(Handle display, Handle draw, Handle read, Handle context);
int eglGetError(void);
const char *glGetString(unsigned name);
void glGenTextures(int count, unsigned *names);
void glBindTexture(unsigned target, unsigned name);
void glTexImage2D(unsigned target, int level, int inside, int width, int height, int border, unsigned format,
                  unsigned type, const void *data);
void glGenFramebuffers(int count, unsigned *names);
void glBindFramebuffer(unsigned target, unsigned name);
void glFramebufferTexture2D(unsigned target, unsigned point, unsigned of, unsigned texture, int level);
void glClearColor(float red, float green, float blue, float alpha);
void glClear(unsigned mask);
void glReadPixels(int x, int y, int width, int height, unsigned format, unsigned type, void *data);
unsigned glGetError(void);

enum {
    SURFACELESS = 0x31DD, ES_API = 0x30A0, NONE = 0x3038, CLIENT_VERSION = 0x3098, SURFACE_TYPE = 0x3033,
    RENDERABLE = 0x3040, ES2 = 4, VENDOR = 0x1F00, RENDERER = 0x1F01, VERSION = 0x1F02, TEXTURE = 0x0DE1,
    RGBA = 0x1908, BYTES = 0x1401, FRAMEBUFFER = 0x8D40, COLOUR_0 = 0x8CE0, COLOUR_BIT = 0x4000
};

static int fail(const char *what) {
    printf("gl: %s failed: 0x%x\n", what, eglGetError());
    return 1;
}

int main(void) {
    const int wanted[] = {SURFACE_TYPE, 0, RENDERABLE, ES2, NONE}, second[] = {CLIENT_VERSION, 2, NONE};
    int major, minor, count = 0;
    unsigned texture, frame;
    unsigned char point[4] = {0};
    Handle config, context, display = eglGetPlatformDisplay(SURFACELESS, 0, 0);

    if (!display || !eglInitialize(display, &major, &minor)) return fail("eglInitialize");
    if (!eglBindAPI(ES_API) || !eglChooseConfig(display, wanted, &config, 1, &count) || count < 1)
        return fail("eglChooseConfig");
    if (!(context = eglCreateContext(display, config, 0, second))) return fail("eglCreateContext");
    if (!eglMakeCurrent(display, 0, 0, context)) return fail("eglMakeCurrent");
    printf("gl: renderer: %s\ngl: vendor: %s\ngl: version: %s\n", glGetString(RENDERER), glGetString(VENDOR),
           glGetString(VERSION));
    glGenTextures(1, &texture);
    glBindTexture(TEXTURE, texture);
    glTexImage2D(TEXTURE, 0, RGBA, 16, 16, 0, RGBA, BYTES, 0);
    glGenFramebuffers(1, &frame);
    glBindFramebuffer(FRAMEBUFFER, frame);
    glFramebufferTexture2D(FRAMEBUFFER, COLOUR_0, TEXTURE, texture, 0);
    glClearColor(0.2f, 0.4f, 0.6f, 1.0f);
    glClear(COLOUR_BIT);
    glReadPixels(8, 8, 1, 1, RGBA, BYTES, point);
    printf("gl: drawn: %d %d %d, error %u\n", point[0], point[1], point[2], glGetError());
    return 0;
}
